import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'

/** UTF-8 takes at most three bytes for each UTF-16 unit, which `sizeBytes` counts as one. */
export const TEXT_GROWTH = 3

/** Whether records of this size, with strings counted by their length, certainly fit into a batch of `maxBytes`. */
export function surelyFits(sizeBytes: number, maxBytes: number): boolean {
  return BATCH_HEADER_BYTES + TEXT_GROWTH * sizeBytes <= maxBytes
}

/** Returns the most bytes that a batch takes if `textUnits` of its `sizeBytes` are counted for strings. */
export function mostBatchBytes(sizeBytes: number, textUnits: number): number {
  return BATCH_HEADER_BYTES + sizeBytes + (TEXT_GROWTH - 1) * textUnits
}
