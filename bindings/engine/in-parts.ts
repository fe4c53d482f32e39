import type { TableRecord } from '../log/catalogue/table-record.ts'

const RECORD_OVERHEAD_BYTES = 64
/** A fourth of the largest frame, beside what a set takes of others. */
const PART_BYTES = 32 * 1024

/** About what it takes in a frame. */
export function bytesOfRecord({ key, value }: TableRecord): number {
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
}

/**
 * Records of which a crash may leave the first ones alone, and so many that no frame holds all: in their order, as parts that each
 * go into one.
 */
export function inParts(
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
