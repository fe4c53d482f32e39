import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { Compactable, CompactableSegment } from '../../storage/partition-store.ts'

export type CompactionConfig = Pick<
  ParsedTopicConfig,
  'minCleanableDirtyRatio' | 'minCompactionLagMs' | 'maxCompactionLagMs'
>

/** The part of a partition that a pass would work on. */
export interface DirtyPart {
  /** All segments from the partition's first one up to where a pass may go. */
  readonly segments: readonly CompactableSegment[]
  /** The first offset that no pass has looked at. */
  readonly fromOffset: number
  /** Share of the bytes that no pass has looked at, from 0 to 1. */
  readonly ratio: number
  /** Whether a pass is due, by `min.cleanable.dirty.ratio` or by `max.compaction.lag.ms`. */
  readonly isDue: boolean
}

/**
 * How far a pass may go: below the last stable offset, and, if `min.compaction.lag.ms` is set, up to the first record
 * that is younger than that; without it record times don't count, as records with a time in the future would hold up
 * every pass. `undefined` if there is nothing new. `trustedNow`: what must be old enough is so by this time, which is
 * earlier than `now` where the clock was put ahead. Source: Kafka's LogCleanerManager (kafka.md 2.8).
 */
export function dirtyPart(
  { cleanedOffset, segments }: Compactable,
  lastStableOffset: number,
  config: CompactionConfig,
  { now, trustedNow }: { readonly now: number; readonly trustedNow: number },
): DirtyPart | undefined {
  const fromOffset = Math.max(cleanedOffset, segments[0]?.baseOffset ?? 0)
  const latest = config.minCompactionLagMs > 0 ? trustedNow - config.minCompactionLagMs : Number.POSITIVE_INFINITY
  const isTooNew = (segment: CompactableSegment) =>
    segment.nextOffset > lastStableOffset || (segment.nextOffset > fromOffset && segment.maxTimestamp > latest)
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

export function bytesOf(segments: readonly CompactableSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** For each index interval at most one entry, counted as the larger of the two kinds. */
const INDEX_ENTRY_BYTES = 12

export interface GroupLimits {
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
}

/** Groups neighbouring segments that a pass can join into one without exceeding what a segment may have. */
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
