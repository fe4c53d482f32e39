import type { DecodedBatch, ProducerTable } from '../../kernel/kernel.ts'
import { isCompressed, isPacked, recordCountOf } from '../../model/batch-records.ts'
import { LogError } from '../../model/errors.ts'
import type { EncodedRecord } from '../../model/records.ts'
import type { Appended, PartitionAppend } from './partition-append.ts'
import type { PartitionRead } from './reading.ts'

/** The part of a partition that the answer to a duplicate needs. */
interface Written {
  read(offset: number, limitOffset: number, maxBytes: number): PartitionRead
}

/** The answer to a batch whose original stands at `baseOffset` (kafka.md 3.3, durability rule 8). */
export function duplicateAt(
  baseOffset: number,
  request: PartitionAppend,
  recordCount: number,
  written: Written,
  producers: ProducerTable,
): Appended {
  const appendTime = originalTime(request, baseOffset, written, producers)
  const isLogAppendTime = isOfAppendTime(request)
  return {
    baseOffset,
    nextOffset: baseOffset + recordCount,
    isDuplicate: true,
    appendTime,
    isLogAppendTime,
    sizeBytes: 0,
  }
}

/** The answer where the producer's window has moved on: the batch is written, but where isn't known any more. */
export function forgottenDuplicate(request: PartitionAppend, nextOffset: number): Appended {
  const isLogAppendTime = isOfAppendTime(request)
  return { baseOffset: -1, nextOffset, isDuplicate: true, appendTime: -1, isLogAppendTime, sizeBytes: 0 }
}

function isOfAppendTime({ config }: PartitionAppend): boolean {
  return config.messageTimestampType === 'LogAppendTime'
}

/**
 * The append time of a duplicate's original: the stored timestamp of a record that came without one. If the batch isn't
 * in memory, the time in its producer's window, which is the batch's greatest (Kafka answers that one too). Compressed
 * records all came with a timestamp.
 */
function originalTime(
  request: PartitionAppend,
  baseOffset: number,
  written: Written,
  producers: ProducerTable,
): number {
  const { records, producerId } = request
  const isStamped = ({ timestamp }: EncodedRecord) => timestamp === undefined
  const isAnyStamped = isOfAppendTime(request) || isPacked(records)
  const index = isAnyStamped ? 0 : isCompressed(records) ? -1 : records.findIndex(isStamped)
  if (index < 0) return -1
  const batch = batchInReach(written, baseOffset, baseOffset + recordCountOf(records))
  if (batch?.baseOffset === baseOffset && index < batch.recordCount) return batch.timestampOf(index)
  for (const window of producers.windows()) {
    if (window.producerId !== producerId) continue
    return window.batches.find((each) => each.baseOffset === baseOffset)?.timestamp ?? -1
  }
  return -1
}

/**
 * `undefined` if it can't be read, for whatever reason: the duplicate's answer needs no more than that it was written.
 */
function batchInReach(written: Written, baseOffset: number, nextOffset: number): DecodedBatch | undefined {
  try {
    return written.read(baseOffset, nextOffset, 1).batches[0]
  } catch (error) {
    if (!LogError.is(error)) throw error
    return undefined
  }
}
