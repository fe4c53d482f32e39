import type { BatchFault, BatchHeader, DecodedBatch, Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { viewOf } from './batch-head.ts'

const FIRST_BYTES = 64 * 1024

/** A batch at a place of a file or a frame. */
export interface ScannedBatch {
  readonly header: Readonly<BatchHeader>
  readonly nextOffset: number
  /** A view, valid until the scanner's next call. */
  readonly bytes: Uint8Array
}

/** Reads batches one by one and proves each by its CRC. Holds one kernel buffer until `close`. */
export class BatchScanner {
  readonly #kernel: Kernel
  #buffer: KernelBuffer
  /** Where the last found batch begins. */
  #start = 0
  #loadedBytes = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#buffer = allocate(kernel, FIRST_BYTES)
  }

  /** The batch at `position`, or why there is none; `end` where the file ends. */
  inFile(file: StoreFile, position: number, limit: number): ScannedBatch | BatchFault | 'end' {
    const available = limit - position
    if (available <= 0) return 'end'
    if (available < BATCH_HEADER_BYTES) return 'incomplete'
    let count = file.read(this.#buffer.bytes(0, Math.min(this.#buffer.sizeBytes, available)), position)
    const header = this.#kernel.batchReader.header(this.#buffer, 0, count)
    if (header === undefined) return 'incomplete'
    const { sizeBytes } = header
    if (sizeBytes > available) return sizeBytes > 0x7fff_ffff ? 'bad-length' : 'incomplete'
    if (sizeBytes > BATCH_BYTES_MAX) return 'bad-length'
    if (sizeBytes > this.#buffer.sizeBytes) {
      this.#grow(sizeBytes)
      count = file.read(this.#buffer.bytes(0, sizeBytes), position)
    }
    return this.#batch(0, count)
  }

  /** Reads a run of batches into memory, or as much of it as the file has; `loaded` then reads them. */
  load(file: StoreFile, position: number, lengthBytes: number): void {
    this.#grow(lengthBytes)
    this.#loadedBytes = file.read(this.#buffer.bytes(0, lengthBytes), position)
  }

  /** The batch at `at` of the loaded run. Its bytes are valid until the next call other than this. */
  loaded(at: number): ScannedBatch | BatchFault | 'end' {
    const available = this.#loadedBytes - at
    return available <= 0 ? 'end' : this.#batch(at, available)
  }

  /** The batch at `at` of bytes in memory. */
  inBytes(bytes: Uint8Array, at: number): ScannedBatch | BatchFault | 'end' {
    const available = bytes.length - at
    if (available === 0) return 'end'
    // No more than the batch: thousands may follow it.
    const head = bytes.subarray(at, at + BATCH_HEADER_BYTES)
    const announced = head.length < BATCH_HEADER_BYTES ? 0 : viewOf(head).getInt32(BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
    const count = Math.min(available, Math.max(announced, BATCH_HEADER_BYTES))
    this.#grow(count)
    this.#buffer.bytes(0, count).set(bytes.subarray(at, at + count))
    return this.#batch(0, count)
  }

  /** Why the records of the last found batch can't be decoded. `bytes` may be invalid afterwards. */
  recordsFault(batch: ScannedBatch): BatchFault | undefined {
    const decoded = this.decoded(batch)
    return typeof decoded === 'string' ? decoded : undefined
  }

  /** The records of the last found batch, or why they can't be decoded. `bytes` may be invalid afterwards. */
  decoded({ header }: ScannedBatch): DecodedBatch | BatchFault {
    return this.#kernel.batchReader.decodeIntact(this.#buffer, this.#start, header.sizeBytes)
  }

  #batch(start: number, available: number): ScannedBatch | BatchFault {
    this.#start = start
    const fault = this.#kernel.batchReader.fault(this.#buffer, start, available)
    if (fault !== undefined) return fault
    const header = this.#kernel.batchReader.header(this.#buffer, start, available)
    if (header === undefined) return 'incomplete'
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    return { header: { ...header }, nextOffset, bytes: this.#buffer.bytes(start, start + header.sizeBytes) }
  }

  /** Where there is no room for it, the scanner has a buffer all the same, for smaller batches and to be closed. */
  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#buffer.sizeBytes) return
    this.#buffer.free()
    const larger = this.#kernel.allocate(sizeBytes)
    this.#buffer = larger ?? allocate(this.#kernel, FIRST_BYTES)
    if (larger === undefined) throw capReached(sizeBytes)
  }

  close(): void {
    this.#buffer.free()
  }
}

function allocate(kernel: Kernel, sizeBytes: number): KernelBuffer {
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) throw capReached(sizeBytes)
  return buffer
}

function capReached(sizeBytes: number): LogError {
  return new LogError('MEMORY_CAP_REACHED', `reading a batch needs ${sizeBytes} bytes of kernel memory`, { sizeBytes })
}
