import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'

/** UTF-8 takes at most three bytes for what `sizeBytes` counts as one. */
const TEXT_GROWTH = 3

/** Whether so many bytes, with a string counted by its length, are sure to fit into a batch of `maxBytes`. */
export function surelyFits(sizeBytes: number, maxBytes: number): boolean {
  return BATCH_HEADER_BYTES + TEXT_GROWTH * sizeBytes <= maxBytes
}

/** What a batch takes at most that counts `textUnits` of its bytes for strings. */
export function mostBatchBytes(sizeBytes: number, textUnits: number): number {
  return BATCH_HEADER_BYTES + sizeBytes + (TEXT_GROWTH - 1) * textUnits
}
