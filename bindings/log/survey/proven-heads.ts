import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { viewOf } from '../segment/batch-head.ts'
import { chainHeader, NO_BATCHES, UNCHECKED_BYTES } from '../segment/header-checksum.ts'
import { flippedHead } from './flipped-head.ts'
import type { SurveyContext } from './survey-context.ts'

/** The heads of a segment's batches in order, whatever has become of the batches. */
export interface ProvenHeads {
  readonly positions: readonly number[]
  readonly baseOffsets: readonly number[]
  /** Index of the head that isn't as it was written; -1 if all are. */
  readonly flipped: number
}

const TURN_BATCHES = 16 * 1024

/**
 * What the checkpoint's checksum proves of a segment: position and offset of every batch, if their lengths lead from
 * the first one to the noted end. One bit of one head may be wrong, and the checksum tells which. `undefined` if
 * nothing is proven.
 */
export function* provenHeads(
  { kernel }: SurveyContext,
  file: StoreFile,
  noted: CheckpointSegment,
): Task<ProvenHeads | undefined> {
  const positions: number[] = []
  const baseOffsets: number[] = []
  const head = new Uint8Array(UNCHECKED_BYTES)
  const view = viewOf(head)
  let checksum = NO_BATCHES
  let position = 0
  while (position < noted.sizeBytes) {
    if (file.read(head, position) < UNCHECKED_BYTES) return undefined
    const sizeBytes = view.getInt32(BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
    if (sizeBytes < BATCH_HEADER_BYTES) return undefined
    positions.push(position)
    baseOffsets.push(Number(view.getBigInt64(0)))
    checksum = chainHeader(kernel, checksum, head)
    position += sizeBytes
    if (positions.length % TURN_BATCHES === 0) yield* letOthersRun()
  }
  if (position !== noted.sizeBytes) return undefined
  if (checksum === noted.headerChecksum) return { positions, baseOffsets, flipped: -1 }
  const flipped = yield* flippedHead(kernel, checksum ^ noted.headerChecksum, positions.length)
  return flipped === undefined ? undefined : { positions, baseOffsets, flipped }
}
