import { BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../model/batch-format.ts'
import type { BatchHeader } from './kernel.ts'

export function emptyHeader(): BatchHeader {
  return {
    baseOffset: 0,
    sizeBytes: 0,
    partitionLeaderEpoch: 0,
    magic: 0,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: 0,
    baseTimestamp: 0,
    maxTimestamp: 0,
    producerId: 0,
    producerEpoch: 0,
    baseSequence: 0,
    recordCount: 0,
  }
}

/** Source: apache/kafka DefaultRecordBatch (4.0); the offsets are listed in assembly/batch-writer.ts. */
export function readHeader(view: DataView, at: number, header: BatchHeader): BatchHeader {
  header.baseOffset = readInt64(view, at)
  header.sizeBytes = view.getInt32(at + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
  header.partitionLeaderEpoch = view.getInt32(at + 12)
  header.magic = view.getInt8(at + 16)
  header.crc = view.getUint32(at + 17)
  header.attributes = view.getInt16(at + 21)
  header.lastOffsetDelta = view.getInt32(at + 23)
  header.baseTimestamp = readInt64(view, at + 27)
  header.maxTimestamp = readInt64(view, at + 35)
  header.producerId = readInt64(view, at + 43)
  header.producerEpoch = view.getInt16(at + 51)
  header.baseSequence = view.getInt32(at + 53)
  header.recordCount = view.getInt32(at + 57)
  return header
}

/** NaN if a number can't hold the value exactly: NaN fails every comparison, a rounded number would pass some. */
function readInt64(view: DataView, at: number): number {
  const value = view.getInt32(at) * 4294967296 + view.getUint32(at + 4)
  return Number.isSafeInteger(value) ? value : Number.NaN
}
