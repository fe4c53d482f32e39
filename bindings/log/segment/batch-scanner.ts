import type { BatchFault, BatchHeader, DecodedBatch, Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { StoreFile } from '../../storage/file-store.ts'

const FIRST_BYTES = 64 * 1024
const HEADER_BYTES = 61

/** A batch as it stands at a place of a file or a frame. */
export interface ScannedBatch {
  readonly header: Readonly<BatchHeader>
  readonly nextOffset: number
  /** A view: valid until the scanner's next call. */
  readonly bytes: Uint8Array
}

/** Reads batches one by one and proves each by its CRC. Holds one kernel buffer until `close`. */
export class BatchScanner {
  readonly #kernel: Kernel
  #buffer: KernelBuffer

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#buffer = allocate(kernel, FIRST_BYTES)
  }

  /** The batch at `position`, or why there is none; `end` when the file ends there. */
  inFile(file: StoreFile, position: number, limit: number): ScannedBatch | BatchFault | 'end' {
    const available = limit - position
    if (available <= 0) return 'end'
    if (available < HEADER_BYTES) return 'incomplete'
    let count = file.read(this.#buffer.bytes(0, Math.min(this.#buffer.sizeBytes, available)), position)
    const header = this.#kernel.batchReader.header(this.#buffer, 0, count)
    if (header === undefined) return 'incomplete'
    const { sizeBytes } = header
    if (sizeBytes > available) return sizeBytes > 0x7fff_ffff ? 'bad-length' : 'incomplete'
    if (sizeBytes > this.#buffer.sizeBytes) {
      this.#grow(sizeBytes)
      count = file.read(this.#buffer.bytes(0, sizeBytes), position)
    }
    return this.#batch(count)
  }

  /** The batch at `at` of bytes in memory. */
  inBytes(bytes: Uint8Array, at: number): ScannedBatch | BatchFault | 'end' {
    const available = bytes.length - at
    if (available === 0) return 'end'
    this.#grow(available)
    this.#buffer.bytes(0, available).set(bytes.subarray(at))
    return this.#batch(available)
  }

  /** Why the records of the batch found last don't come out. Its `bytes` may be dead afterwards. */
  recordsFault(batch: ScannedBatch): BatchFault | undefined {
    const decoded = this.decoded(batch)
    return typeof decoded === 'string' ? decoded : undefined
  }

  /** The records of the batch found last, or why they don't come out. Its `bytes` may be dead afterwards. */
  decoded({ header }: ScannedBatch): DecodedBatch | BatchFault {
    return this.#kernel.batchReader.decode(this.#buffer, 0, header.sizeBytes, true)
  }

  #batch(available: number): ScannedBatch | BatchFault {
    const fault = this.#kernel.batchReader.fault(this.#buffer, 0, available)
    if (fault !== undefined) return fault
    const header = this.#kernel.batchReader.header(this.#buffer, 0, available)
    if (header === undefined) return 'incomplete'
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    return { header: { ...header }, nextOffset, bytes: this.#buffer.bytes(0, header.sizeBytes) }
  }

  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#buffer.sizeBytes) return
    this.#buffer.free()
    this.#buffer = allocate(this.#kernel, sizeBytes)
  }

  close(): void {
    this.#buffer.free()
  }
}

function allocate(kernel: Kernel, sizeBytes: number): KernelBuffer {
  const buffer = kernel.allocate(sizeBytes)
  if (buffer !== undefined) return buffer
  throw new LogError('MEMORY_CAP_REACHED', `reading a batch needs ${sizeBytes} bytes of kernel memory`, { sizeBytes })
}
