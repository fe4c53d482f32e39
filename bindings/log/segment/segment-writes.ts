import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SegmentContext } from './segment-context.ts'

/** The segment whose batches are written; `sizeBytes` is where the next one goes. */
interface WrittenSegment {
  readonly logPath: string
  readonly sizeBytes: number
  readonly file: StoreFile | undefined
  writeOut(): void
}

/**
 * Writes batches to the end of a segment's file: at once, or some of them together in one system call (decision 015).
 */
export class SegmentWrites {
  readonly #context: SegmentContext
  readonly #segment: WrittenSegment
  /** Whether the file may be longer than the batches in it. Assumed until an append finds that it isn't. */
  #mayHaveTail = true
  /** The segment's last batches, which aren't in the file yet. */
  #buffer: Uint8Array<ArrayBuffer> | undefined
  #bufferedBytes = 0
  /** Open as long as something is buffered. */
  #pinned: StoreFile | undefined

  constructor(context: SegmentContext, segment: WrittenSegment) {
    this.#context = context
    this.#segment = segment
  }

  /**
   * Writes a batch, together with what is buffered if the buffer has room. If it throws, the buffered batches stay
   * buffered.
   */
  write(file: StoreFile, bytes: Uint8Array): void {
    const start = this.#segment.sizeBytes - this.#bufferedBytes
    const end = this.#bufferedBytes + bytes.length
    if (this.#buffer !== undefined && end <= this.#buffer.length) {
      this.#buffer.set(bytes, this.#bufferedBytes)
      this.#write(file, this.#buffer.subarray(0, end), start)
      this.#allWritten()
      return
    }
    this.writeOut()
    this.#write(file, bytes, this.#segment.sizeBytes)
  }

  #write(file: StoreFile, bytes: Uint8Array, position: number): void {
    if (this.#mayHaveTail) this.#mayHaveTail = file.size() > position
    try {
      writeFully(file, bytes, position)
    } catch (error) {
      // If recovery hasn't looked at the tail yet it must stay; the part of it that this wrote over held the same bytes
      // before.
      if (!this.#mayHaveTail) this.#cutBack(file, position)
      throw error
    }
  }

  /** Whether `buffer` would take such a batch without writing anything. */
  canBuffer(sizeBytes: number): boolean {
    const { writeBuffers } = this.#context
    if (sizeBytes > writeBuffers.batchBytes || !writeBuffers.isOpen) return false
    return this.#buffer === undefined
      ? !writeBuffers.areAllTaken
      : this.#bufferedBytes + sizeBytes <= this.#buffer.length
  }

  /**
   * Buffers a small batch to be written with others, and keeps the file open until then. False if it must be written at
   * once.
   */
  buffer(file: StoreFile, bytes: Uint8Array): boolean {
    const { writeBuffers, files } = this.#context
    if (bytes.length > writeBuffers.batchBytes || !writeBuffers.isOpen) return false
    if (this.#buffer !== undefined && this.#bufferedBytes + bytes.length > this.#buffer.length) this.writeOut()
    if (this.#buffer === undefined) {
      this.#buffer = writeBuffers.take(this.#segment)
      if (this.#buffer === undefined) return false
      files.pin(file.path)
      this.#pinned = file
    }
    this.#buffer.set(bytes, this.#bufferedBytes)
    this.#bufferedBytes += bytes.length
    return true
  }

  get hasBuffered(): boolean {
    return this.#buffer !== undefined
  }

  /** Writes all that is buffered in one piece. If it throws, all of it stays buffered. */
  writeOut(): void {
    if (this.#buffer === undefined) return
    const { file } = this.#segment
    if (file === undefined) {
      const message = `${this.#segment.logPath} was closed before all of it was written`
      throw new LogError('KAFKA_STORAGE_ERROR', message, { file: this.#segment.logPath, operation: 'write' })
    }
    this.#write(file, this.#buffer.subarray(0, this.#bufferedBytes), this.#segment.sizeBytes - this.#bufferedBytes)
    this.#allWritten()
  }

  #allWritten(): void {
    const pinned = this.#pinned
    this.forget()
    if (pinned !== undefined) this.#context.files.unpin(pinned)
  }

  /**
   * Drops what is buffered. Buffered batches keep the file open, so this happens only where the segment was dropped or
   * the log has ended.
   */
  forget(): void {
    if (this.#buffer !== undefined) this.#context.writeBuffers.giveBack(this.#segment, this.#buffer)
    this.#buffer = undefined
    this.#bufferedBytes = 0
    this.#pinned = undefined
  }

  /** If the file can't be cut, bytes stay past its end, and the next append or recovery replaces them. */
  #cutBack(file: StoreFile, sizeBytes: number): void {
    try {
      file.truncate(sizeBytes)
    } catch {
      this.#mayHaveTail = true
    }
  }
}
