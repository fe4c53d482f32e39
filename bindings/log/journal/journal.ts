import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { type Effect, flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { Awaitable, FileStore, StoreFile } from '../../storage/file-store.ts'
import { isPromise } from '../../storage/is-promise.ts'
import { openFile } from '../../storage/open-file.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import { FrameBuilder } from './frame-builder.ts'
import { type JournalHeader, readHeader, writeHeader } from './header.ts'
import { frameCapacity, HEADER_FILE, JOURNAL_DIRECTORY } from './layout.ts'
import { Ring } from './ring.ts'
import { allocateFrame } from './scan.ts'

export interface JournalOptions {
  /** Size of one ring file. A frame holds data up to a quarter of it, or up to three quarters. */
  readonly ringFileBytes: number
  readonly ringFiles: number
  /** The number of ring files that the first checkpoints grow the ring to. */
  readonly ringFilesUsual: number
  /** The largest number of ring files. It bounds what recovery replays. */
  readonly ringFilesMax: number
}

export interface JournalParts {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly observer: WriteOrderObserver | undefined
}

/** What an opening goes on from. */
export interface JournalState {
  readonly header: JournalHeader
  /** Every frame up to this one is covered by a durable checkpoint. */
  readonly coveredSequence: number
  /** See Recovered. */
  readonly needsRing: boolean
}

/**
 * The open journal. One frame is in flight at a time, and each is durable before the next is written (durability rule
 * 1).
 */
export class Journal {
  readonly ring: Ring
  readonly frame: FrameBuilder
  readonly #kernel: Kernel
  readonly #buffer: KernelBuffer
  readonly #headerFile: StoreFile
  readonly #observer: WriteOrderObserver | undefined
  #header: JournalHeader
  #nextSequence: number
  /** The write of a frame by another thread, the last one there was. */
  #writing: Awaitable<void> = undefined

  private constructor(
    { kernel, observer }: JournalParts,
    { header, coveredSequence }: JournalState,
    ring: Ring,
    headerFile: StoreFile,
  ) {
    this.#kernel = kernel
    this.#observer = observer
    this.ring = ring
    this.#headerFile = headerFile
    this.#header = header
    this.#nextSequence = coveredSequence + 1
    this.#buffer = allocateFrame(kernel, header.ringFileBytes)
    this.frame = new FrameBuilder(kernel, this.#buffer)
  }

  /** Opens the journal after recovery. */
  static *open(parts: JournalParts, state: JournalState): Task<Journal> {
    const { store } = parts
    const ring = yield* Ring.open(store, state.header.ringFileBytes, state.coveredSequence, state.needsRing)
    let headerFile: StoreFile | undefined
    try {
      headerFile = yield* openFile(store, HEADER_FILE)
      if (headerFile === undefined)
        throw new LogError('CORRUPT_LOG', `${HEADER_FILE} is gone`, { file: HEADER_FILE, position: 0 })
      return new Journal(parts, state, ring, headerFile)
    } catch (error) {
      headerFile?.close()
      ring.close()
      throw error
    }
  }

  get header(): JournalHeader {
    return this.#header
  }

  /** The sequence of the next frame. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /**
   * Whether a frame can be written whose decisions take this many bytes. Data beyond the frame's capacity goes by
   * extents.
   */
  hasRoom(decisionBytes: number): boolean {
    const dataBytes = frameCapacity(this.ring.fileSizeBytes, false)
    return this.ring.hasRoom(Math.min(this.frame.limitBytes, dataBytes + decisionBytes))
  }

  /** Begins a frame: from here on `frame` takes what must become durable next. */
  beginFrame(): void {
    const { fileSizeBytes, hasAmpleRoom } = this.ring
    this.frame.begin(frameCapacity(fileSizeBytes, hasAmpleRoom))
  }

  /**
   * Writes the frame that was built and makes it durable. Returns its sequence. `isAwaited`: the program can't go on
   * before.
   */
  *writeFrame({ isAwaited }: { readonly isAwaited: boolean }): Task<number> {
    this.frame.assertFits()
    const sequence = this.#nextSequence++
    const { nonce, generation } = this.#header
    const place = this.ring.take(this.frame.sizeBytes, sequence)
    const bytes = this.frame.seal({ nonce, generation, sequence, restates: -1 })
    this.#observer?.framePlaced(sequence, place.file.path, place.position, bytes.length)
    if (isAwaited || place.file.writeDurably === undefined) {
      writeFully(place.file, bytes, place.position)
      yield* perform('flush', place.file.path, () => place.file.flush())
    } else {
      const sizeBytes = bytes.length
      // Effects that were issued before this one run first, and may have the kernel's memory move.
      const sealed = () => this.#buffer.bytes(0, sizeBytes)
      yield* perform('flush', place.file.path, () => {
        this.#writing = place.file.writeDurably?.(sealed(), place.position)
        return this.#writing
      })
    }
    this.#observer?.frameDurable(sequence)
    return sequence
  }

  /**
   * The flush of the header that was read. That header may not be durable, if its writer was killed, and the other slot
   * may be written only once it is.
   */
  get headerFlush(): Effect<void> {
    return flushOf(this.#headerFile)
  }

  *writeHeader(change: Partial<JournalHeader>): Task<void> {
    this.#header = { ...this.#header, ...change, sequence: this.#header.sequence + 1 }
    writeHeader(this.#headerFile, this.#header, this.#kernel)
    yield* performAll([flushOf(this.#headerFile)])
  }

  /**
   * Throws if the header holds somebody else's generation: then this opening is over. A fence beside the lock (rule
   * 10).
   */
  assertOwnGeneration(): void {
    const { header } = readHeader(this.#headerFile, this.#kernel)
    if (header?.generation === this.#header.generation) return
    const message = `another process opened this log (generation ${header?.generation ?? 'unreadable'})`
    throw new LogError('KAFKA_STORAGE_ERROR', message, { file: HEADER_FILE, generation: this.#header.generation })
  }

  /**
   * Throws once the journal was removed. The header is written in place, so its file stays the same while there is one.
   */
  assertInPlace(): void {
    this.#headerFile.assertInPlace?.()
  }

  /**
   * Waits, where the log ended meanwhile, for the thread that writes a frame: whoever opens the log next writes to the
   * same place.
   */
  *written(): Task<void> {
    const writing = this.#writing
    if (!isPromise(writing)) return
    const ended = () => {}
    yield* perform('flush', JOURNAL_DIRECTORY, () => Promise.resolve(writing).then(ended, ended))
  }

  close(): void {
    this.ring.close()
    this.#headerFile.close()
  }

  free(): void {
    this.#buffer.free()
  }
}
