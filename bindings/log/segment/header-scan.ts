import type { KernelBuffer } from '../../kernel/kernel.ts'
import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { type BatchHead, newHead, readHead, viewOf } from './batch-head.ts'
import { chainHeader, NO_BATCHES, UNCHECKED_BYTES } from './header-checksum.ts'
import type { SegmentContext } from './segment-context.ts'

/** As much as Kafka's default index interval, with a few batches of usual size. */
const WINDOW_BYTES = 16 * 1024

/**
 * Reads batch headers through a window in the shared scratch buffer: one read for each window instead of each batch.
 * The window is a view, so it is used within one turn, with no kernel call that may allocate between two headers.
 */
export class HeaderScan {
  readonly #file: StoreFile
  readonly #sizeBytes: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #head: BatchHead = newHead()
  #start = 0
  #count = 0

  constructor(scratch: KernelBuffer, file: StoreFile, sizeBytes: number, windowBytes: number = WINDOW_BYTES) {
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#bytes = scratch.bytes(0, Math.min(windowBytes, scratch.sizeBytes))
    this.#view = viewOf(this.#bytes)
  }

  /** The first bytes of a batch that `at` found at `position`: a view, valid until the next call. */
  uncheckedBytes(position: number): Uint8Array {
    return this.#bytes.subarray(position - this.#start, position - this.#start + UNCHECKED_BYTES)
  }

  /** The header at `position`, if what begins there looks like a whole batch. Valid until the next call. */
  at(position: number): Readonly<BatchHead> | undefined {
    if (position < this.#start || position + BATCH_HEADER_BYTES > this.#start + this.#count) {
      this.#start = position
      this.#count = this.#file.read(this.#bytes, position)
    }
    if (this.#count < BATCH_HEADER_BYTES) return undefined
    if (!readHead(this.#view, position - this.#start, this.#head)) return undefined
    const { sizeBytes } = this.#head
    return sizeBytes <= BATCH_BYTES_MAX && position + sizeBytes <= this.#sizeBytes ? this.#head : undefined
  }
}

/**
 * The running checksum over the heads of a file's batches; `undefined` if they don't follow each other up to the end.
 */
export function headersOf(
  { scratch, kernel }: Pick<SegmentContext, 'scratch' | 'kernel'>,
  file: StoreFile,
  sizeBytes: number,
): number | undefined {
  const headers = new HeaderScan(scratch, file, sizeBytes)
  let checksum = NO_BATCHES
  let position = 0
  while (position < sizeBytes) {
    const head = headers.at(position)
    if (head === undefined) return undefined
    checksum = chainHeader(kernel, checksum, headers.uncheckedBytes(position))
    position += head.sizeBytes
  }
  return checksum
}
