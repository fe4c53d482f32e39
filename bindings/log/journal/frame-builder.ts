import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_HEADER_BYTES, sealFrame } from './frame.ts'
import {
  type BatchRun,
  EXTENT_BYTES,
  type ExtentEdges,
  type PartitionKey,
  RUN_OVERHEAD_BYTES,
  writeBatches,
  writeCeiling,
  writeExtent,
  writeProducerIds,
} from './frame-entry.ts'
import { JOURNAL_DIRECTORY, SECTOR_BYTES } from './layout.ts'

/**
 * Builds one frame. Decisions and promises (offset ceilings, producer ids) always go in; data goes in while the frame
 * stays below its capacity.
 */
export class FrameBuilder {
  readonly #kernel: Kernel
  readonly #buffer: KernelBuffer
  readonly #payload = new ByteWriter(16 * 1024)
  readonly #head = new ByteWriter(FRAME_HEADER_BYTES)
  #capacityBytes = 0
  #entryCount = 0

  /** `buffer` has room for the largest frame. */
  constructor(kernel: Kernel, buffer: KernelBuffer) {
    this.#kernel = kernel
    this.#buffer = buffer
  }

  /** Begins an empty frame. Data beyond `capacityBytes` goes by extents. */
  begin(capacityBytes: number): void {
    this.#payload.clear()
    this.#capacityBytes = capacityBytes
    this.#entryCount = 0
  }

  get sizeBytes(): number {
    return FRAME_HEADER_BYTES + this.#payload.length
  }

  /** The size of the largest frame. */
  get limitBytes(): number {
    return this.#buffer.sizeBytes
  }

  get isEmpty(): boolean {
    return this.#entryCount === 0
  }

  /** Whether the bytes of a run of this length fit, so that `laterExtents` other runs still fit at least as extents. */
  fits(lengthBytes: number, laterExtents: number): boolean {
    return this.sizeBytes + RUN_OVERHEAD_BYTES + lengthBytes + laterExtents * EXTENT_BYTES <= this.#capacityBytes
  }

  /** Adds a run and returns the room for its bytes, which must be filled before the next call. */
  batches(kind: 'batches' | 'decision', run: BatchRun): Uint8Array {
    this.#entryCount++
    return writeBatches(this.#payload, kind, run)
  }

  extent(run: BatchRun, crc: number, edges: ExtentEdges): void {
    this.#entryCount++
    writeExtent(this.#payload, run, crc, edges)
  }

  ceiling(key: PartitionKey, ceiling: number): void {
    this.#entryCount++
    writeCeiling(this.#payload, key, ceiling)
  }

  producerIds(end: number): void {
    this.#entryCount++
    writeProducerIds(this.#payload, end)
  }

  /** Throws RECORD_LIST_TOO_LARGE, before anything is written, if no frame can hold what was added. */
  assertFits(): void {
    if (this.sizeBytes <= this.#buffer.sizeBytes) return
    const details = { sizeBytes: this.sizeBytes, limitBytes: this.#buffer.sizeBytes, file: JOURNAL_DIRECTORY }
    throw new LogError('RECORD_LIST_TOO_LARGE', 'a commit is larger than a file of the journal', details)
  }

  /**
   * Returns the frame's bytes in kernel memory, with zeros up to the end of a sector: whole sectors are written, so a
   * store may bypass the system's cache. The bytes must be written before the next kernel call that may allocate.
   */
  seal(fields: { nonce: number; generation: number; sequence: number; restates: number }): Uint8Array {
    const payload = this.#payload.bytes
    this.#buffer.bytes(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payload.length).set(payload)
    const { nonce, generation, sequence, restates } = fields
    const header = { nonce, generation, sequence, restates, payloadBytes: payload.length, entryCount: this.#entryCount }
    sealFrame(this.#buffer, header, this.#head, this.#kernel)
    const bytes = this.#buffer.bytes(0, Math.ceil(this.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES)
    bytes.fill(0, this.sizeBytes)
    return bytes
  }
}
