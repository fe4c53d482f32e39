import { LogError } from '../../model/errors.ts'
import { cutBySize } from './cut-by-size.ts'
import { unpackRecords } from './pack-records.ts'
import type { PendingBatch } from './pending-batch.ts'
import { loneBatchBytes } from './record-size.ts'
import { type CheckedRecord, checkRecord } from './validate-record.ts'

/**
 * Returns the batches that the records of a refused one make by the limits that their topic has now: these were lowered
 * after the batch was made. Returns none if it was refused for something else, or if one of its records is too large by
 * itself: then nothing of the batch is written.
 */
export function cutAgain(batch: PendingBatch, error: unknown): readonly PendingBatch[] {
  const maxBytes = limitOf(error)
  if (maxBytes === undefined) return []
  const records = recordsOf(batch)
  if (records.some((record) => loneBatchBytes(record) > maxBytes)) return []
  const cuts = cutBySize(records, maxBytes)
  return cuts.length > 1 ? batch.cut(records, cuts) : []
}

/** The most bytes that a batch may have now, where one was refused for that. */
function limitOf(error: unknown): number | undefined {
  if (!LogError.is(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) return undefined
  const { maxMessageBytes, segmentBytes } = error.details
  if (typeof maxMessageBytes !== 'number' || typeof segmentBytes !== 'number') return undefined
  return Math.min(maxMessageBytes, segmentBytes)
}

function recordsOf({ records, packed, parts }: PendingBatch): readonly CheckedRecord[] {
  const topic = parts[0]?.topic
  if (packed === undefined || topic === undefined) return records
  return unpackRecords(packed).map((record, index) => checkRecord({ topic, ...record }, index))
}
