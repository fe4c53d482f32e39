import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SegmentContext } from './segment-context.ts'
import { WAITING_BATCH_BYTES } from './waiting-writes.ts'

/** Whose batches they are: `sizeBytes` is where the next one goes. */
interface WrittenSegment {
  readonly logPath: string
  readonly sizeBytes: number
  readonly file: StoreFile | undefined
  writeOut(): void
}

/** How batches get to the end of a segment's file: at once, or after some that wait to be one system call (decision 015). */
export class SegmentWrites {
  readonly #context: SegmentContext
  readonly #segment: WrittenSegment
  /** Whether the file may be longer than what was placed: so until an append found it isn't. */
  #mayHaveTail = true
  /** The last of what was placed, until its write. */
  #waiting: Uint8Array<ArrayBuffer> | undefined
  #waitingBytes = 0

  constructor(context: SegmentContext, segment: WrittenSegment) {
    this.#context = context
    this.#segment = segment
  }

  /** In one piece with what waits, where there is room. When it throws, that waits on. */
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
      // A tail that recovery hasn't looked at yet must stay; the part written over it was there before.
      if (!this.#mayHaveTail) this.#cutBack(file, position)
      throw error
    }
  }

  /** Whether a batch would wait, with nothing written for it. */
  canKeepBack(sizeBytes: number): boolean {
    const { waiting } = this.#context
    if (sizeBytes > WAITING_BATCH_BYTES || !waiting.isOpen) return false
    return this.#waiting === undefined ? !waiting.isCrowded : this.#waitingBytes + sizeBytes <= this.#waiting.length
  }

  /** Whether the batch waits now for others: it is small, there is room, and its file stays open until it is written. */
  keepBack(file: StoreFile, bytes: Uint8Array): boolean {
    const { waiting, files } = this.#context
    if (bytes.length > WAITING_BATCH_BYTES || !waiting.isOpen) return false
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

  /** In one piece. When it throws, all of it waits on. */
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

  /** The file is closed, which a waiting batch keeps from happening but where the segment is dropped or the log ended. */
  forget(): void {
    if (this.#waiting !== undefined) this.#context.waiting.end(this.#segment, this.#waiting)
    this.#waiting = undefined
    this.#waitingBytes = 0
  }

  /** A file that can't be cut keeps bytes behind its end, which the next append or recovery replaces. */
  #cutBack(file: StoreFile, sizeBytes: number): void {
    try {
      file.truncate(sizeBytes)
    } catch {
      this.#mayHaveTail = true
    }
  }
}
