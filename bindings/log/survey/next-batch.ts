import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { mayFollow, newHead, readHead, viewOf } from '../segment/batch-head.ts'
import type { BatchScanner, ScannedBatch } from '../segment/batch-scanner.ts'

/** A place between two batches. */
export interface Place {
  readonly position: number
  /** The next batch begins with this offset or a higher one. */
  readonly offset: number
  readonly leaderEpoch: number
}

/** Which batches a file can hold. */
export interface Bounds {
  readonly file: StoreFile
  /** Where its batches end. */
  readonly endPosition: number
  /** No batch ends above it. */
  readonly endOffset: number
  readonly isCleaned: boolean
  /** No batch has a greater leader epoch. */
  readonly leaderEpoch: number
}

const WINDOW_BYTES = 64 * 1024
const MAGIC_AT = 16

/** The batch at a place, if it is whole, within the bounds, and can follow there. */
export function batchAt(scanner: BatchScanner, bounds: Bounds, place: Place): ScannedBatch | undefined {
  const batch = scanner.inFile(bounds.file, place.position, bounds.endPosition)
  return typeof batch !== 'string' && mayStandAt(bounds, place, batch) ? batch : undefined
}

function mayStandAt(bounds: Bounds, place: Place, { header, nextOffset }: ScannedBatch): boolean {
  const { baseOffset, partitionLeaderEpoch: leaderEpoch } = header
  if (nextOffset > bounds.endOffset || leaderEpoch > bounds.leaderEpoch || leaderEpoch < place.leaderEpoch) return false
  return mayFollow({ baseOffset, leaderEpoch }, place.offset, place.leaderEpoch, bounds.isCleaned)
}

/**
 * Whether what follows a batch agrees with it, contradicts it, or is no whole batch and tells nothing. If two batches
 * contradict each other, a third one tells which is right.
 */
export function agreement(
  scanner: BatchScanner,
  bounds: Bounds,
  { header, nextOffset }: ScannedBatch,
  position: number,
): 'agrees' | 'contradicts' | 'says-nothing' {
  const after = { position: position + header.sizeBytes, offset: nextOffset, leaderEpoch: header.partitionLeaderEpoch }
  if (after.position === bounds.endPosition) {
    return !Number.isFinite(bounds.endOffset) || nextOffset === bounds.endOffset ? 'agrees' : 'contradicts'
  }
  const next = scanner.inFile(bounds.file, after.position, bounds.endPosition)
  if (typeof next === 'string') return 'says-nothing'
  if (mayStandAt(bounds, after, next)) return 'agrees'
  const third = { ...after, position: after.position + next.header.sizeBytes, offset: nextOffset + 1 }
  return batchAt(scanner, { ...bounds, isCleaned: true }, third) === undefined ? 'contradicts' : 'agrees'
}

/**
 * Where batches go on after one that isn't whole, at `place`, and at which offset: where its own length leads, or else
 * at the first whole batch with which the next one agrees. (The value of a record may hold the bytes of a batch, but
 * what follows them doesn't agree.) `undefined` if they don't go on.
 */
export function* nextBatch(
  scanner: BatchScanner,
  bounds: Bounds,
  place: Place,
): Task<Pick<Place, 'position' | 'offset'> | undefined> {
  const { file, endPosition, endOffset } = bounds
  const announcedEnd = place.position + announcedBatchBytes(file, place.position)
  if (announcedEnd === endPosition) return { position: endPosition, offset: endOffset }
  if (announcedEnd > place.position + BATCH_HEADER_BYTES) {
    const batch = batchBeyond(scanner, bounds, place, announcedEnd)
    if (batch !== undefined && agreement(scanner, bounds, batch, announcedEnd) !== 'contradicts')
      return { position: announcedEnd, offset: batch.header.baseOffset }
  }
  const bytes = new Uint8Array(WINDOW_BYTES + BATCH_HEADER_BYTES)
  const [view, head] = [viewOf(bytes), newHead()]
  for (let start = place.position + 1; start < endPosition; start += WINDOW_BYTES) {
    const count = file.read(bytes, start)
    for (let at = 0; at < WINDOW_BYTES && at + BATCH_HEADER_BYTES <= count; at++) {
      if (bytes[at + MAGIC_AT] !== 2 || !readHead(view, at, head)) continue
      const position = start + at
      if (head.nextOffset > endOffset || position + head.sizeBytes > endPosition) continue
      const batch = batchBeyond(scanner, bounds, place, position)
      if (batch === undefined || agreement(scanner, bounds, batch, position) !== 'agrees') continue
      return { position, offset: batch.header.baseOffset }
    }
    yield* letOthersRun()
  }
  return undefined
}

/** How long the batch at `position` says it is; 0 if nothing can be read there. */
export function announcedBatchBytes(file: StoreFile, position: number): number {
  const length = new Uint8Array(4)
  if (file.read(length, position + BATCH_LENGTH_AT) < length.length) return 0
  return Math.max(0, viewOf(length).getInt32(0) + LOG_OVERHEAD_BYTES)
}

/** A whole batch there that leaves at least one offset for what is damaged at `place`. */
function batchBeyond(scanner: BatchScanner, bounds: Bounds, place: Place, position: number): ScannedBatch | undefined {
  if (position > bounds.endPosition) return undefined
  return batchAt(scanner, { ...bounds, isCleaned: true }, { ...place, position, offset: place.offset + 1 })
}
