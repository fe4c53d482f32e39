import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, type Effect, flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import { FrameBuilder } from './frame-builder.ts'
import { type JournalHeader, readHeader, writeHeader } from './header.ts'
import { frameCapacity, HEADER_FILE, JOURNAL_DIRECTORY } from './layout.ts'
import { Ring } from './ring.ts'
import { allocateFrame } from './scan.ts'

export interface JournalOptions {
  /** Size of one ring file; a frame holds data of a quarter of it, or of three. */
  readonly ringFileBytes: number
  readonly ringFiles: number
  /** The first checkpoints make the ring as large as this. */
  readonly ringFilesUsual: number
  /** The ring grows up to this many files; it bounds what recovery replays. */
  readonly ringFilesMax: number
}

/** The open journal: one frame in flight at a time, each durable before the next is written (durability rule 1). */
export class Journal {
  readonly ring: Ring
  readonly frame: FrameBuilder
  readonly #store: FileStore
  readonly #kernel: Kernel
  readonly #buffer: KernelBuffer
  readonly #headerFile: StoreFile
  readonly #observer: WriteOrderObserver | undefined
  #header: JournalHeader
  #nextSequence: number

  private constructor(
    store: FileStore,
    kernel: Kernel,
    ring: Ring,
    headerFile: StoreFile,
    header: JournalHeader,
    nextSequence: number,
    observer: WriteOrderObserver | undefined,
  ) {
    this.#store = store
    this.#kernel = kernel
    this.ring = ring
    this.#headerFile = headerFile
    this.#header = header
    this.#nextSequence = nextSequence
    this.#observer = observer
    this.#buffer = allocateFrame(kernel, header.ringFileBytes)
    this.frame = new FrameBuilder(kernel, this.#buffer)
  }

  /**
   * After recovery: every frame up to `coveredSequence` is covered by a durable checkpoint. `needsRing`: see Recovered.
   */
  static *open(
    store: FileStore,
    kernel: Kernel,
    header: JournalHeader,
    coveredSequence: number,
    needsRing: boolean,
    observer: WriteOrderObserver | undefined,
  ): Task<Journal> {
    const ring = yield* Ring.open(store, header.ringFileBytes, coveredSequence, needsRing)
    const headerFile = yield* openFile(store, HEADER_FILE)
    if (headerFile === undefined)
      throw new LogError('CORRUPT_LOG', `${HEADER_FILE} is gone`, { file: HEADER_FILE, position: 0 })
    return new Journal(store, kernel, ring, headerFile, header, coveredSequence + 1, observer)
  }

  get header(): JournalHeader {
    return this.#header
  }

  /** The next frame's number. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Whether a frame can be written whose decisions take that many bytes; data beyond its capacity goes by extents. */
  hasRoom(decisionBytes: number): boolean {
    const dataBytes = frameCapacity(this.ring.fileSizeBytes, false)
    return this.ring.hasRoom(Math.min(this.frame.limitBytes, dataBytes + decisionBytes))
  }

  /** What is to be durable next goes into `frame` from here on. */
  beginFrame(): void {
    const { fileSizeBytes, hasAmpleRoom } = this.ring
    this.frame.begin(frameCapacity(fileSizeBytes, hasAmpleRoom))
  }

  /** Writes the frame that was built and makes it durable. Answers its sequence. */
  *writeFrame(): Task<number> {
    this.frame.assertFits()
    const sequence = this.#nextSequence++
    const { nonce, generation } = this.#header
    const place = this.ring.take(this.frame.sizeBytes, sequence)
    const bytes = this.frame.seal({ nonce, generation, sequence, restates: -1 })
    this.#observer?.framePlaced(sequence, place.file.path, place.position, bytes.length)
    writeFully(place.file, bytes, place.position)
    yield* perform('flush', place.file.path, () => place.file.flush())
    this.#observer?.frameDurable(sequence)
    return sequence
  }

  /**
   * The slot that was read may not be durable (its writer was killed): only once it is, the other one may be written.
   */
  get headerFlush(): Effect<void> {
    return flushOf(this.#headerFile)
  }

  *writeHeader(change: Partial<JournalHeader>): Task<void> {
    this.#header = { ...this.#header, ...change, sequence: this.#header.sequence + 1 }
    writeHeader(this.#headerFile, this.#header, this.#kernel)
    yield* performAll([flushOf(this.#headerFile), directorySync(this.#store, JOURNAL_DIRECTORY)])
  }

  /** A fence beside the lock (rule 10): somebody else's generation in the header means that this opening is over. */
  assertOwnGeneration(): void {
    const { header } = readHeader(this.#headerFile, this.#kernel)
    if (header?.generation === this.#header.generation) return
    const message = `another process opened this log (generation ${header?.generation ?? 'unreadable'})`
    throw new LogError('KAFKA_STORAGE_ERROR', message, { file: HEADER_FILE, generation: this.#header.generation })
  }

  /** Throws once the journal was removed: the header is written in place, so that its file stays the same. */
  assertInPlace(): void {
    this.#headerFile.assertInPlace?.()
  }

  close(): void {
    this.ring.close()
    this.#headerFile.close()
  }

  free(): void {
    this.#buffer.free()
  }
}
