import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import type { Task } from '../../storage/effect.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import type { NewLog } from '../new-log/new-log.ts'
import type { NewPartition, PartitionEnd } from '../new-log/new-partition.ts'
import { ProducerScan } from '../partition/producer-scan.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import { walkRun } from '../survey/survey-context.ts'
import type { Loss } from './loss.ts'
import type { SurveyedPartition } from './partition-survey.ts'
import type { SalvageContext } from './salvage-context.ts'
import { type UndecidedPart, undecidedParts } from './undecided.ts'

export interface CopiedPartition {
  readonly batches: number
  readonly bytes: number
  readonly losses: readonly Loss[]
}

/** The partition to copy, and up to where the checkpoint knew it. */
export interface PartitionToCopy {
  readonly id: PartitionIdentity
  readonly survey: SurveyedPartition
  readonly noted: CheckpointPartition | undefined
  readonly end: Omit<PartitionEnd, 'producers'>
}

/**
 * Appends what is intact of a partition to `into`. The caller then ends that one with the producers that this returns.
 */
export function* copyPartition(
  context: SalvageContext,
  log: NewLog,
  into: NewPartition,
  { id, survey, noted, end }: PartitionToCopy,
): Task<CopiedPartition> {
  const isWhole = survey.holes.length === 0
  const parts = isWhole && context.lostFrames === undefined ? [] : yield* undecidedParts(context, survey)
  const leftOut = parts.filter((part) => part.isLeftOut)
  // After damage only the batches tell of producers: the checkpoint may remember batches that are lost.
  const known = new ProducerScan(context.kernel, id, noted?.producers ?? [])
  const copied = { batches: 0, bytes: 0 }
  let firstOffset: number | undefined
  for (const run of survey.runs) {
    if (run.nextOffset <= end.logStartOffset) continue
    // What follows without a hole goes on: else each batch that a frame had would get a segment, thousands of them.
    if (run.baseOffset !== into.nextOffset) into.seal()
    yield* walkRun(context, run, function* (batch) {
      const { header, nextOffset } = batch
      if (nextOffset <= end.logStartOffset || leftOut.some((part) => holds(part, batch))) return
      const isLater = header.baseOffset >= (noted?.nextOffset ?? 0)
      if (isLater) known.endsTransaction(header, batch.bytes)
      firstOffset ??= header.baseOffset
      copied.batches++
      copied.bytes += header.sizeBytes
      yield* into.append(batch, run.isCleaned)
      if (isLater) known.learn(header)
    })
  }
  const producers = isWhole ? known.stored() : producersOf(into, noted, firstOffset ?? 0)
  known.free()
  yield* log.endPartition(into, { ...end, producers })
  return { ...copied, losses: lossesOf(id, survey, parts) }
}

function holds({ producerId, offset, nextOffset }: UndecidedPart, { header, ...batch }: ScannedBatch): boolean {
  if (header.producerId !== producerId || (header.attributes & ATTRIBUTE_CONTROL) !== 0) return false
  return offset <= header.baseOffset && batch.nextOffset <= nextOffset
}

/** The producers that the copied batches tell of, and those whose batches retention had removed before. */
function producersOf(
  into: NewPartition,
  noted: CheckpointPartition | undefined,
  firstOffset: number,
): readonly StoredProducer[] {
  const told = into.producers()
  const ids = new Set(told.map(({ producerId }) => producerId))
  const removed = (noted?.producers ?? []).filter(({ producerId, batches, currentTransactionFirstOffset }) => {
    const isBelow = (batches.at(-1)?.lastOffset ?? -1) < firstOffset
    return !ids.has(producerId) && isBelow && currentTransactionFirstOffset < 0
  })
  return [...told, ...removed]
}

function lossesOf(
  { topic, partition }: PartitionIdentity,
  { holes }: SurveyedPartition,
  parts: readonly UndecidedPart[],
): readonly Loss[] {
  const missing = holes.map((hole): Loss => ({ topic, partition, kind: 'missing', ...hole }))
  const undecided = parts.map(({ offset, nextOffset, hole, isLeftOut }): Loss => {
    const { file, position } = hole
    const kind = isLeftOut ? 'missing' : 'undecided'
    const code = 'the end of its transaction is lost'
    return { topic, partition, offset, nextOffset, kind, file, position, code }
  })
  return [...missing, ...undecided].sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0))
}
