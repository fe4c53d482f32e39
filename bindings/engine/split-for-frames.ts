import type { TableRecord } from '../log/catalogue/table-record.ts'

const RECORD_OVERHEAD_BYTES = 64
/** Small enough for the other changes of a commit set to have room beside a part, in any frame (decision 032). */
const PART_BYTES = 32 * 1024

/** Roughly the bytes that the record takes in a frame. */
export function bytesOfRecord({ key, value }: TableRecord): number {
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
}

/**
 * Splits records, in their order, into parts that each fit into one frame. For records that needn't become durable
 * together: after a crash only the first parts may be there.
 */
export function splitForFrames(
  records: readonly TableRecord[],
  decisionBytesMax: number,
): readonly (readonly TableRecord[])[] {
  const mostBytes = Math.min(PART_BYTES, decisionBytesMax)
  const parts: TableRecord[][] = []
  let sizeBytes = mostBytes
  for (const record of records) {
    const bytes = bytesOfRecord(record)
    if (sizeBytes + bytes > mostBytes) {
      parts.push([])
      sizeBytes = 0
    }
    sizeBytes += bytes
    parts.at(-1)?.push(record)
  }
  return parts
}
