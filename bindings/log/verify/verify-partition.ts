import type { Task } from '../../storage/effect.ts'
import { nothing, perform } from '../../storage/effect.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory, parseSegmentFileName, rewrittenSegment } from '../files/file-names.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { Hole, IntactRun } from '../survey/intact-run.ts'
import { missingOffsets } from '../survey/missing-offsets.ts'
import { partitionRemains } from '../survey/partition-remains.ts'
import { type SegmentRemains, SegmentSurvey } from '../survey/segment-survey.ts'
import { sizeOf } from '../survey/survey-context.ts'
import { PartitionHistory } from './partition-history.ts'
import { assertOpens, type Damaged, type VerifyContext } from './verify-context.ts'
import { DerivedFilesCheck } from './verify-derived.ts'
import { type VerifiedBatch, verifyIndexes } from './verify-indexes.ts'

export interface VerifiedPartition {
  segments: number
  batches: number
  bytes: number
}

export interface PartitionLook {
  readonly directory: string
  readonly noted: CheckpointPartition | undefined
  readonly runs: readonly FrameRun[]
  readonly logStartOffset: number
  /** The log wasn't closed, so a recovery comes first. */
  readonly isUnclean: boolean
}

/**
 * Looks at every batch of every segment and the files derived from them. What checkpoint and frames cover must be
 * there, the bytes included that batch CRCs leave out. What lies below the log start, or in a segment that compaction
 * has replaced, is gone or about to be removed.
 */
export function* verifyPartition(
  context: VerifyContext,
  { directory, noted, runs, logStartOffset, isUnclean }: PartitionLook,
): Task<VerifiedPartition> {
  const place = parsePartitionDirectory(directory)
  const damaged = (file: string, position: number, offset: number | undefined, code: string) => {
    context.damage.push({ file, position, topic: place?.topic, partition: place?.partition, offset, code })
  }
  const names = yield* perform('list', directory, () => context.store.list(directory))
  for (const name of names) {
    if (parseSegmentFileName(name) !== undefined || rewrittenSegment(name) !== undefined)
      yield* assertOpens(context.store, `${directory}/${name}`)
  }
  const ways = {
    hasCheckpoint: true,
    isCompacted: false,
    isClosedWhole: false,
    isEndRestored: isUnclean,
    isOthers: false,
  }
  const { segments } = yield* partitionRemains(
    { ...context, progressed: () => {} },
    { directory, noted, runs: runs.flatMap((run) => broughtBack(run, noted)), logStartOffset, ...ways },
  )
  // If compaction rewrote the segment since the checkpoint, nothing says where it ends.
  const cleaned = segments
    .filter(({ isCleaned }) => isCleaned)
    .map((each) => each.noted?.nextOffset ?? Number.POSITIVE_INFINITY)
  const history = new PartitionHistory(logStartOffset, Math.max(0, ...cleaned))
  const derived = new DerivedFilesCheck(context, directory, history, damaged)
  yield* derived.readSnapshots(names)
  const seen = yield* verifySegments(context, { segments, directory, derived }, damaged)
  // A frame has no copy of an extent's bytes (durability rule 2).
  const extents = runs.filter(({ kind }) => kind === 'extent')
  const lacking = missingOffsets({ directory, runs: extents, logStartOffset }, seen)
  for (const { file, position, offset, code } of lacking) damaged(file, position, offset, code)
  // Behind damage the batches tell only a part.
  if (seen.isWhole) yield* derived.ended()
  return seen.found
}

/**
 * What a recovery writes of a frame's batches: nothing below the noted end. There the frame may have the bytes still,
 * and it is the file that counts.
 */
function broughtBack(run: FrameRun, noted: CheckpointPartition | undefined): readonly FrameRun[] {
  if (noted === undefined || run.baseOffset >= noted.nextOffset) return [run]
  if (run.nextOffset <= noted.nextOffset) return []
  const { baseOffset = 0, sizeBytes = 0 } = noted.segments.at(-1) ?? {}
  if (run.kind === 'extent') return [{ ...run, firstSector: new Uint8Array(0) }]
  if (run.kind === 'decision' || run.segmentBaseOffset !== baseOffset) return [run]
  const below = Math.max(0, sizeBytes - run.position)
  return [
    { ...run, position: run.position + below, lengthBytes: run.lengthBytes - below, bytes: run.bytes.subarray(below) },
  ]
}

interface SegmentsLook {
  readonly segments: readonly SegmentRemains[]
  readonly directory: string
  readonly derived: DerivedFilesCheck
}

interface SeenSegments {
  readonly found: VerifiedPartition
  readonly isWhole: boolean
  readonly intact: readonly IntactRun[]
  readonly holes: readonly Hole[]
}

function* verifySegments(
  context: VerifyContext,
  { segments, directory, derived }: SegmentsLook,
  damaged: Damaged,
): Task<SeenSegments> {
  const found = { segments: 0, batches: 0, bytes: 0 }
  let isWhole = true
  const intact: IntactRun[] = []
  const holes: Hole[] = []
  for (const [index, segment] of segments.entries()) {
    const look = { segment, directory, derived: isWhole ? derived : undefined, index, count: segments.length }
    const seen: SeenSegment = yield* verifySegment(context, look, damaged)
    isWhole &&= seen.isWhole
    intact.push(...seen.runs)
    holes.push(...seen.holes)
    if (seen.sizeBytes === undefined) continue
    found.segments++
    found.batches += seen.batches
    found.bytes += seen.sizeBytes
  }
  return { found, isWhole, intact, holes }
}

interface SegmentLook {
  readonly segment: SegmentRemains
  readonly directory: string
  readonly derived: DerivedFilesCheck | undefined
  /** The segment's place among the partition's segments, and how many there are. */
  readonly index: number
  readonly count: number
}

interface SeenSegment {
  readonly isWhole: boolean
  readonly runs: readonly IntactRun[]
  readonly holes: readonly Hole[]
  readonly batches: number
  /** `undefined` if there is no such file. */
  readonly sizeBytes: number | undefined
}

function* verifySegment(
  context: VerifyContext,
  { segment, directory, derived, index, count }: SegmentLook,
  damaged: Damaged,
): Task<SeenSegment> {
  const { store, ownEnd, undecided } = context
  const { path, noted } = segment
  const sizeBytes = yield* sizeOf(store, path)
  const batches = new Map<number, VerifiedBatch>()
  const visit = ({ header, nextOffset, bytes }: ScannedBatch, position: number, isWhole: boolean) => {
    if (ownEnd !== undefined && nextOffset > ownEnd)
      undecided.push({ file: path, position, offset: header.baseOffset, nextOffset })
    batches.set(nextOffset - 1, { position, maxTimestamp: header.maxTimestamp })
    if (isWhole) derived?.take(header, bytes)
  }
  let done = 0
  const progressed = (bytes: number) => {
    done += bytes
    context.progressed((index + Math.min(1, done / Math.max(1, sizeBytes ?? 0))) / count)
  }
  const { holes, runs } = yield* new SegmentSurvey({ ...context, progressed }, segment, visit).run()
  for (const { file, position, offset, code } of holes) damaged(file, position, offset, code)
  const isWhole = holes.length === 0
  // An open doesn't look there, since the bytes hold no record of the log; but Kafka's tools read on to the end of the
  // file.
  const isLonger = noted !== undefined && !segment.mayGoOn && (sizeBytes ?? 0) > noted.sizeBytes
  if (isLonger) damaged(path, noted.sizeBytes, undefined, 'bytes past its end')
  // Behind damage there are no batches that its entries could lead to.
  if (noted !== undefined && isWhole) yield* verifyIndexes({ store, damaged }, directory, noted, batches)
  if (noted !== undefined && isWhole) yield* derived?.segmentEnded(noted) ?? nothing()
  return { isWhole, runs, holes, batches: batches.size, sizeBytes }
}
