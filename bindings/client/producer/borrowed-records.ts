import type { EncodedRecord } from '../../model/records.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { cutBySize } from './cut-by-size.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { Places } from './place-records.ts'
import type { Compression } from './producer-options.ts'
import { type PartOwner, type SendOfParts, SendPart } from './send-part.ts'
import { mostBatchBytes } from './size-bounds.ts'
import { type CheckedRecord, checkRecord, isPlain, plainSizeBytes, textUnits } from './validate-record.ts'

/** The fewest records for which this pays: copying fewer costs too little to matter. */
const RECORDS_MIN = 16

/** Records that make one batch, as the program gave them. */
interface BorrowedBatch {
  readonly records: readonly BorrowedRecord[]
  readonly sizeBytes: number
  /** The most bytes that their batch can take. */
  readonly mostBytes: number
}

/** The records of a whole call that the log can encode from the program's own objects, and where they go. */
export interface BorrowedRecords {
  readonly queue: PartitionQueue
  /** Mostly one batch; several if one can't hold the records. */
  readonly batches: readonly BorrowedBatch[]
  readonly sizeBytes: number
  /** The most bytes that a batch may have. */
  readonly maxBytes: number
}

type BorrowedRecord = ProducerRecord & EncodedRecord

/**
 * Returns the call's records if they all go to one partition, take at least `ownBatchBytes`, and have nothing but keys
 * and values. Returns `undefined` for all other calls, and for records that can't be written: `SendPlan` says what is
 * wrong with those. Hot path: one look at each record, and no object for it.
 */
export function borrowed(
  records: readonly ProducerRecord[],
  places: Places,
  compression: Compression | undefined,
  ownBatchBytes: number,
): BorrowedRecords | undefined {
  const first = records[0]
  if (records.length < RECORDS_MIN || typeof first?.topic !== 'string') return undefined
  const { topic } = first
  const rules = places.rules(topic)
  if (rules === undefined || places.compression(rules, compression) !== undefined) return undefined
  const partition = places.onlyPartition(first, rules.partitions)
  if (partition === undefined) return undefined
  const queue = places.queue(topic, partition)
  const sizes = queue.isOpen ? plainSizes(records, first) : undefined
  if (sizes === undefined || sizes.sizeBytes < ownBatchBytes) return undefined
  const maxBytes = Math.min(rules.maxMessageBytes, rules.segmentBytes)
  const plain = records as readonly BorrowedRecord[]
  if (sizes.mostBytes <= maxBytes) return { queue, batches: [{ records: plain, ...sizes }], maxBytes, ...sizes }
  const batches = cutUp(plain, maxBytes)
  return batches && { queue, batches, maxBytes, ...sizes }
}

/** Returns the sizes of the records; `undefined` if one goes elsewhere, or has more than fields of some length. */
function plainSizes(
  records: readonly ProducerRecord[],
  { topic, partition }: ProducerRecord,
): Omit<BorrowedBatch, 'records'> | undefined {
  let sizeBytes = 0
  let units = 0
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    if (record?.topic !== topic || record.partition !== partition) return undefined
    const recordBytes = plainSizeBytes(record)
    if (recordBytes < 0) return undefined
    sizeBytes += recordBytes
    units += textUnits(record)
  }
  return { sizeBytes, mostBytes: mostBatchBytes(sizeBytes, units) }
}

/**
 * Cuts the records into batches. Returns `undefined` if a record is too large for any batch, or can't be written: in a
 * second batch that would be noticed only after the first one is written.
 */
function cutUp(records: readonly BorrowedRecord[], maxBytes: number): readonly BorrowedBatch[] | undefined {
  try {
    if (!records.every(isPlain)) return undefined
    const batches = cutBySize(records, maxBytes).map(({ from, to, mostBytes }) => {
      return { records: records.slice(from, to), sizeBytes: mostBytes, mostBytes }
    })
    return batches.every(({ mostBytes }) => mostBytes <= maxBytes) ? batches : undefined
  } catch {
    return undefined
  }
}

/**
 * Lets the log encode the batches at once, in their order. The first batch that must wait, and all after it, are copied
 * into their queue. Returns how many the log took; if it took none, nothing has happened.
 */
export function handOver({ queue, batches, maxBytes }: BorrowedRecords, owner: PartOwner, send: SendOfParts): number {
  let taken = 0
  let from = 0
  for (const { records, sizeBytes, mostBytes } of batches) {
    const first = from
    const part = (copies: CheckedRecord[]) =>
      owner.began(new SendPart(queue, copies, sizeBytes, first, owner, send, records.length))
    try {
      if (queue.appendBorrowed(records, mostBytes, () => part([]))) taken++
      else if (taken === 0) return 0
      else queue.add(part(records.map((record, at) => checkRecord(record, first + at))), maxBytes, undefined)
    } catch (error) {
      if (taken === 0) throw error
      part([]).failed(error)
    }
    from += records.length
  }
  return taken
}
