import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { Compactable, CompactableSegment } from '../../storage/partition-store.ts'

export type CompactionConfig = Pick<
  ParsedTopicConfig,
  'minCleanableDirtyRatio' | 'minCompactionLagMs' | 'maxCompactionLagMs'
>

/** What a pass would work on. */
export interface DirtyPart {
  /** From the partition's first segment on, as far as a pass may go. */
  readonly segments: readonly CompactableSegment[]
  /** Where the dirty ones begin. */
  readonly fromOffset: number
  /** Of their bytes, how much no pass has looked through. */
  readonly ratio: number
  /** Whether it is time, by `min.cleanable.dirty.ratio` or by `max.compaction.lag.ms`. */
  readonly isDue: boolean
}

/**
 * How far a pass may go: below the last stable offset, and not where a record is younger than `min.compaction.lag.ms`. `undefined`
 * when there is nothing new. Source: Kafka's LogCleanerManager (kafka.md 2.8).
 */
export function dirtyPart(
  { cleanedOffset, segments }: Compactable,
  lastStableOffset: number,
  config: CompactionConfig,
  now: number,
): DirtyPart | undefined {
  const fromOffset = Math.max(cleanedOffset, segments[0]?.baseOffset ?? 0)
  const isTooNew = (segment: CompactableSegment) =>
    segment.nextOffset > lastStableOffset ||
    (segment.nextOffset > fromOffset && segment.maxTimestamp > now - config.minCompactionLagMs)
  const end = segments.findIndex(isTooNew)
  const reached = end < 0 ? segments : segments.slice(0, end)
  const dirty = reached.filter(({ nextOffset }) => nextOffset > fromOffset)
  if (dirty.length === 0) return undefined
  const ratio = bytesOf(dirty) / Math.max(1, bytesOf(reached))
  const isOverdue = dirty.some(
    ({ firstTimestamp }) => firstTimestamp >= 0 && firstTimestamp < now - config.maxCompactionLagMs,
  )
  return { segments: reached, fromOffset, ratio, isDue: isOverdue || ratio > config.minCleanableDirtyRatio }
}

function bytesOf(segments: readonly CompactableSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** An index entry for each interval at most, and the larger of both kinds. */
const INDEX_ENTRY_BYTES = 12

export interface GroupLimits {
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
}

/** Segments that follow each other and make one, within all that a segment may have. */
export function groupsOf(segments: readonly CompactableSegment[], limits: GroupLimits): CompactableSegment[][] {
  const groups: CompactableSegment[][] = []
  let sizeBytes = 0
  for (const segment of segments) {
    const group = groups.at(-1)
    sizeBytes += segment.sizeBytes
    const entries = sizeBytes / Math.max(1, limits.indexIntervalBytes) + 2
    const fits =
      sizeBytes <= limits.segmentBytes &&
      entries * INDEX_ENTRY_BYTES <= limits.segmentIndexBytes &&
      segment.nextOffset - 1 - (group?.[0]?.baseOffset ?? 0) <= RELATIVE_OFFSET_MAX
    if (group !== undefined && fits) group.push(segment)
    else {
      groups.push([segment])
      sizeBytes = segment.sizeBytes
    }
  }
  return groups
}
