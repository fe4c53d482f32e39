import { writeFully } from '../../storage/checked-write.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'

const COPIED_AT_ONCE_BYTES = 1024 * 1024

/** Positions in a file: from `start` up to `end`. */
export interface FileRange {
  readonly start: number
  readonly end: number
}

/**
 * Copies bytes to the same positions of `to`. Returns where the source ended, if that was before the range's end. An
 * error that `mayGoOn` throws ends it.
 */
export function* copyRange(
  from: StoreFile,
  to: StoreFile,
  { start, end }: FileRange,
  mayGoOn: () => void,
): Task<number> {
  // It has become shorter than what was copied before.
  if (end < start) return end
  const chunk = new Uint8Array(Math.min(COPIED_AT_ONCE_BYTES, end - start))
  let position = start
  while (position < end) {
    mayGoOn()
    const count = from.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position)
    if (count === 0) break
    writeFully(to, chunk.subarray(0, count), position)
    position += count
    yield* letOthersRun()
  }
  return position
}
