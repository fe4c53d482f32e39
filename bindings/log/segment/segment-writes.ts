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
  /** The batches that wait for their write, the last ones of the segment. */
  #waiting: Uint8Array<ArrayBuffer> | undefined
  #waitingBytes = 0

  constructor(context: SegmentContext, segment: WrittenSegment) {
    this.#context = context
    this.#segment = segment
  }

  /** Writes a batch, together with what waits if the buffer has room. If it throws, what waits still waits. */
  write(file: StoreFile, bytes: Uint8Array): void {
    const start = this.#segment.sizeBytes - this.#waitingBytes
    const end = this.#waitingBytes + bytes.length
    if (this.#waiting !== undefined && end <= this.#waiting.length) {
      this.#waiting.set(bytes, this.#waitingBytes)
      this.#write(file, this.#waiting.subarray(0, end), start)
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
      // The tail must stay if recovery hasn't looked at it yet; the part of it that this wrote over held the same bytes
      // before.
      if (!this.#mayHaveTail) this.#cutBack(file, position)
      throw error
    }
  }

  /** Whether `keepBack` would take such a batch without writing anything. */
  canKeepBack(sizeBytes: number): boolean {
    const { waiting } = this.#context
    if (sizeBytes > waiting.batchBytes || !waiting.isOpen) return false
    return this.#waiting === undefined ? !waiting.isCrowded : this.#waitingBytes + sizeBytes <= this.#waiting.length
  }

  /**
   * Keeps a small batch in memory to be written with others, and its file open until then. False if it must be written
   * at once.
   */
  keepBack(file: StoreFile, bytes: Uint8Array): boolean {
    const { waiting, files } = this.#context
    if (bytes.length > waiting.batchBytes || !waiting.isOpen) return false
    if (this.#waiting !== undefined && this.#waitingBytes + bytes.length > this.#waiting.length) this.writeOut()
    if (this.#waiting === undefined) {
      this.#waiting = waiting.begin(this.#segment)
      if (this.#waiting === undefined) return false
      files.pin(file.path)
    }
    this.#waiting.set(bytes, this.#waitingBytes)
    this.#waitingBytes += bytes.length
    return true
  }

  get areWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** Writes all that waits in one piece. If it throws, all of it still waits. */
  writeOut(): void {
    if (this.#waiting === undefined) return
    const { file } = this.#segment
    if (file === undefined) {
      const message = `${this.#segment.logPath} was closed before all of it was written`
      throw new LogError('KAFKA_STORAGE_ERROR', message, { file: this.#segment.logPath, operation: 'write' })
    }
    this.#write(file, this.#waiting.subarray(0, this.#waitingBytes), this.#segment.sizeBytes - this.#waitingBytes)
    this.#allWritten()
  }

  #allWritten(): void {
    this.forget()
    this.#context.files.unpin(this.#segment.logPath)
  }

  /**
   * Drops what waits. Waiting batches keep the file open, so this happens only where the segment was dropped or the log
   * has ended.
   */
  forget(): void {
    if (this.#waiting !== undefined) this.#context.waiting.end(this.#segment, this.#waiting)
    this.#waiting = undefined
    this.#waitingBytes = 0
  }

  /** If the file can't be cut, bytes stay behind its end, and the next append or recovery replaces them. */
  #cutBack(file: StoreFile, sizeBytes: number): void {
    try {
      file.truncate(sizeBytes)
    } catch {
      this.#mayHaveTail = true
    }
  }
}
