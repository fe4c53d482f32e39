import type { EncodedRecord } from '../../model/records.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { mostBatchBytes, type PartitionQueue, surelyFits } from './partition-queue.ts'
import type { Places } from './place-records.ts'
import type { Compression } from './producer-options.ts'
import type { TopicRules } from './topic-rules.ts'
import { plainSizeBytes, textUnits } from './validate-record.ts'

/** Copying fewer records than this costs too little to look for another way. */
const RECORDS_MIN = 16

/** The records of a whole call that the log can encode from the program's own objects, and where they go. */
export interface BorrowedRecords {
  readonly queue: PartitionQueue
  readonly records: readonly EncodedRecord[]
  readonly sizeBytes: number
  /** What their batch takes at most. */
  readonly mostBytes: number
}

/**
 * The call's records, if they all go to one partition, fill a batch of it by themselves, and have nothing but keys and
 * values. `undefined` for all other calls, also for records that can't be written: `SendPlan` says what is wrong with
 * those. Hot path: one look at each record, and no object for it.
 */
export function borrowed(
  records: readonly ProducerRecord[],
  places: Places,
  compression: Compression | undefined,
  batchSizeBytes: number,
): BorrowedRecords | undefined {
  const first = records[0]
  if (records.length < RECORDS_MIN || typeof first?.topic !== 'string') return undefined
  const { topic } = first
  const rules = places.rules(topic)
  if (rules === undefined || places.compression(rules, compression) !== undefined) return undefined
  const partition = places.onlyPartition(first, rules.partitions)
  if (partition === undefined) return undefined
  const queue = places.queue(topic, partition)
  const sizes = queue.isOpen ? wholeSizes(records, first, rules) : undefined
  if (sizes === undefined || sizes.sizeBytes < batchSizeBytes) return undefined
  return { queue, records: records as readonly PlainRecord[], ...sizes }
}

type PlainRecord = ProducerRecord & { readonly headers?: undefined }

/** `undefined` if a record goes elsewhere or isn't plain, or if one batch can't hold them. */
function wholeSizes(
  records: readonly ProducerRecord[],
  { topic, partition }: ProducerRecord,
  { maxMessageBytes, segmentBytes }: TopicRules,
): Pick<BorrowedRecords, 'sizeBytes' | 'mostBytes'> | undefined {
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
  if (!surelyFits(sizeBytes, Math.min(maxMessageBytes, segmentBytes))) return undefined
  return { sizeBytes, mostBytes: mostBatchBytes(sizeBytes, units) }
}
