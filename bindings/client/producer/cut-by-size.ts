import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import { mostRecordBytes, type SizedRecord } from './record-size.ts'

/** A run of records that make one batch. */
export interface Cut {
  readonly from: number
  readonly to: number
  /** The most bytes that the batch can take. */
  readonly mostBytes: number
}

/** Cuts a list into runs so that no batch exceeds `maxBytes`, unless a single record does. */
export function cutBySize(records: readonly SizedRecord[], maxBytes: number): Cut[] {
  const made: Cut[] = []
  let from = 0
  let mostBytes = BATCH_HEADER_BYTES
  for (let index = 0; index < records.length; index++) {
    const bytes = mostRecordBytes(records[index] as SizedRecord)
    if (index > from && mostBytes + bytes > maxBytes) {
      made.push({ from, to: index, mostBytes })
      from = index
      mostBytes = BATCH_HEADER_BYTES
    }
    mostBytes += bytes
  }
  made.push({ from, to: records.length, mostBytes })
  return made
}
