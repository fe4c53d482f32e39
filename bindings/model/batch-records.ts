import type { CompressedRecords } from './compression.ts'
import type { EncodedRecord } from './records.ts'

/** Records without headers and times of their own, as most are: their bytes in a row. */
export interface PackedRecords {
  /** Each one's key and value, one after the other. */
  readonly payload: Uint8Array
  /** A pair for each record: bytes of its key, bytes of its value; -1 for null. */
  readonly lengths: Int32Array
}

/** What a producer hands to a session as one batch. A producer of another process packs what can be packed. */
export type BatchRecords = readonly EncodedRecord[] | PackedRecords | CompressedRecords

export function isCompressed(records: BatchRecords): records is CompressedRecords {
  return 'compression' in records
}

export function isPacked(records: BatchRecords): records is PackedRecords {
  return 'payload' in records
}

export function recordCountOf(records: BatchRecords): number {
  if (isPacked(records)) return records.lengths.length >> 1
  return isCompressed(records) ? records.recordCount : records.length
}
