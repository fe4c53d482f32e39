import { perform, type Task } from '../../storage/effect.ts'
import type { CheckpointPartition, CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parseSegmentFileName, rewrittenSegment, SWAP_SUFFIX } from '../files/file-names.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import { type SegmentFile, segmentFiles } from './noted-segments.ts'
import type { Patch } from './patched-file.ts'
import type { SegmentRemains } from './segment-survey.ts'
import { type SurveyContext, sizeOf } from './survey-context.ts'

/** What a partition's directory holds, and what checkpoint and frames say of it. */
export interface PartitionRemains {
  /** In offset order. */
  readonly segments: readonly SegmentRemains[]
  /**
   * Segments that compaction has replaced or hadn't finished: they hold the same records again, in case the others lack
   * some.
   */
  readonly others: readonly SegmentRemains[]
}

export interface KnownOfPartition {
  readonly directory: string
  readonly noted: CheckpointPartition | undefined
  readonly runs: readonly FrameRun[]
  readonly logStartOffset: number
  /** Whether there is a checkpoint at all. */
  readonly hasCheckpoint: boolean
  /** Whether the topic's config asks for compaction. */
  readonly isCompacted: boolean
  /**
   * A segment with another one after it counts as written to its end, acknowledged or not: what is missing in it is a
   * hole.
   */
  readonly isClosedWhole: boolean
  /**
   * The checkpoint's copy of the last sector takes precedence over the file, as in a recovery. Not in a log that was
   * closed.
   */
  readonly isEndRestored: boolean
  /** The directory names another topic: only what checkpoint or frames vouch for is this partition's. */
  readonly isOthers: boolean
}

export function* partitionRemains(context: SurveyContext, known: KnownOfPartition): Task<PartitionRemains> {
  const { directory, logStartOffset, isOthers } = known
  const names = yield* perform('list', directory, () => context.store.list(directory))
  const noted = (known.noted?.segments ?? []).filter((each, index, all) => {
    return each.nextOffset > logStartOffset || index === all.length - 1
  })
  const found = yield* segmentFiles(context, directory, names, noted)
  // What follows the noted end was begun since. A name before it is nobody's: the segments there are noted. Retention
  // has removed what lies below them, or was about to.
  const files = found.filter((each) => {
    return each.noted !== undefined || each.baseOffset >= (noted.at(-1)?.nextOffset ?? 0)
  })
  const runs = placedRuns(known.runs)
  const segments: SegmentRemains[] = []
  for (const [index, file] of files.entries()) {
    const nextBase = files[index + 1]?.baseOffset
    segments.push(yield* segmentRemains(context, { ...known, runs }, file, nextBase))
  }
  const paths = names.filter(isOfBatches).map((name) => `${directory}/${name}`)
  const others = isOthers ? [] : paths.filter((path) => !found.some((each) => each.path === path)).map(unknownSegment)
  // Batches of acks 1 may follow the end that frames and checkpoint know; a log that was closed has none.
  const mayFollow = (index: number) => known.isEndRestored && index === segments.length - 1
  const left = segments.filter(({ endOffset }, index) => endOffset > logStartOffset || mayFollow(index))
  return { segments: left, others }
}

function isOfBatches(name: string): boolean {
  return parseSegmentFileName(name)?.suffix === 'log' || rewrittenSegment(name)?.isWhole === true
}

function* segmentRemains(
  context: SurveyContext,
  known: KnownOfPartition,
  { baseOffset, path, noted: facts }: SegmentFile,
  nextBase: number | undefined,
): Task<SegmentRemains> {
  const { noted, hasCheckpoint } = known
  const isActive = facts !== undefined && facts.baseOffset === noted?.segments.at(-1)?.baseOffset
  const isCleaned = facts?.isCleaned ?? (known.isCompacted && !hasCheckpoint)
  const placed = known.runs.filter((each) => each.segmentBaseOffset === baseOffset)
  const end = isActive && known.isEndRestored ? endOf(facts, noted.partialSector) : []
  const file = { path, baseOffset, noted: facts, isCleaned, patches: [...end, ...placed.flatMap(patchesOf)] }
  if (facts !== undefined && (!isActive || known.isOthers))
    return { ...file, coveredBytes: facts.sizeBytes, endOffset: facts.nextOffset, mayGoOn: false }
  // With a checkpoint, what stands past its end was acknowledged only if frames say so; without one, all of it may have
  // been.
  const isTakenWhole = !hasCheckpoint || (nextBase !== undefined && known.isClosedWhole)
  // After an unclean open a partition goes on at its ceiling (durability rule 5): no record is missing before it.
  const wholeEnd = isActive && nextBase === noted?.nextOffset ? facts.nextOffset : nextBase
  const wholeBytes = isTakenWhole ? ((yield* sizeOf(context.store, path)) ?? 0) : 0
  const placedBytes = placed.map(({ position, lengthBytes }) => position + lengthBytes)
  const coveredBytes = Math.max(facts?.sizeBytes ?? 0, wholeBytes, ...placedBytes)
  const placedEnd = Math.max(facts?.nextOffset ?? 0, ...placed.map(({ nextOffset }) => nextOffset))
  const isEndKnown = hasCheckpoint && (placed.length > 0 || facts !== undefined)
  const coveredEnd = isEndKnown ? placedEnd : Number.POSITIVE_INFINITY
  return { ...file, coveredBytes, endOffset: isTakenWhole ? (wholeEnd ?? coveredEnd) : coveredEnd, mayGoOn: true }
}

/**
 * Runs with their places. A decision's frame names no place: the decision stands right before the data that was framed
 * after it, and both may still wait for their write (decision 015). Without the decision's bytes the data would lie
 * after a hole. `runs` are in the order of their offsets.
 */
function placedRuns(runs: readonly FrameRun[]): readonly FrameRun[] {
  const placed: FrameRun[] = []
  for (const run of runs.toReversed()) {
    const next = placed.at(-1)
    if (run.kind !== 'decision') placed.push(run)
    else if (next?.baseOffset === run.nextOffset && next.position >= run.lengthBytes) {
      const { segmentBaseOffset, position } = next
      placed.push({ ...run, segmentBaseOffset, position: position - run.lengthBytes })
    }
  }
  return placed.reverse()
}

/** The checkpoint has the last sector before the noted end (durability rule 4a). */
function endOf({ sizeBytes }: CheckpointSegment, sector: Uint8Array): Patch[] {
  return sector.length === 0 ? [] : [{ position: sizeBytes - sector.length, bytes: sector }]
}

/**
 * A frame has all bytes of the batches that it holds, and of an extent the bytes that writes to its neighbours may have
 * destroyed (durability rule 2).
 */
export function patchesOf(run: FrameRun): Patch[] {
  const { position, lengthBytes } = run
  if (run.kind !== 'extent') return [{ position, bytes: run.bytes }]
  const { firstSector, partialSector } = run
  return [
    { position, bytes: firstSector },
    { position: position + lengthBytes - partialSector.length, bytes: partialSector },
  ]
}

function unknownSegment(path: string): SegmentRemains {
  const isCleaned = path.endsWith(SWAP_SUFFIX)
  const name = path.slice(path.lastIndexOf('/') + 1, isCleaned ? -SWAP_SUFFIX.length : undefined)
  const baseOffset = parseSegmentFileName(name)?.offset ?? 0
  const nothing = { noted: undefined, coveredBytes: 0, endOffset: Number.POSITIVE_INFINITY, mayGoOn: true, patches: [] }
  return { path, baseOffset, isCleaned, ...nothing }
}
