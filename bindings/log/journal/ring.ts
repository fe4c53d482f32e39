import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import {
  directorySync,
  type Effect,
  flushOf,
  letOthersRun,
  perform,
  performAll,
  type Task,
} from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile, openFile, withFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { isTooManyFiles } from '../../storage/sparing-store.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { alignFrame, JOURNAL_DIRECTORY, ringFile, ringIndex } from './layout.ts'

interface RingFile {
  readonly index: number
  readonly file: StoreFile
  /** Sequence of the newest frame in the file; -1 when it holds none that counts. */
  newestSequence: number
}

/** The number of files that the ring of a new log has. */
const AMPLE_FILES = 2

/** The file and the position that a frame is written to. */
export interface FramePlace {
  readonly file: StoreFile
  readonly position: number
}

/**
 * The journal's space: files of one size, written one after the other from their start, and taken again once a
 * checkpoint covers every frame in them. Which file follows which needs no record: frames are numbered.
 */
export class Ring {
  readonly fileSizeBytes: number
  readonly #store: FileStore
  readonly #files: RingFile[]
  /**
   * All files but the first, as the open found them: an earlier open that was killed may have made them without a
   * flush.
   */
  #unproven: readonly RingFile[]
  /** The file that is being written; `undefined` in a ring that has no file yet. */
  #current: RingFile | undefined
  #position = 0
  #releasedSequence: number

  private constructor(store: FileStore, fileSizeBytes: number, files: RingFile[], releasedSequence: number) {
    this.#store = store
    this.fileSizeBytes = fileSizeBytes
    this.#files = files
    this.#unproven = files.slice(1)
    this.#current = files[0]
    this.#releasedSequence = releasedSequence
  }

  /**
   * Opens the ring's files as recovery left them: every frame in them is covered by a checkpoint. Files after a missing
   * one are what a crash left of `shrink`; they are removed, so that a missing file never becomes normal, and stay
   * where there is no room for that: the files before them are made anew. A log that `needsFiles` and has none is
   * refused, and nothing of it is removed; other rings `grow` from none.
   */
  static *open(store: FileStore, fileSizeBytes: number, releasedSequence: number, needsFiles: boolean): Task<Ring> {
    const files: RingFile[] = []
    const indexes = (yield* ringIndexes(store)).sort((a, b) => a - b)
    const strays = indexes.filter((index, at) => index !== at)
    try {
      for (const index of indexes.slice(0, indexes.length - strays.length)) {
        const file = yield* openWhole(store, index, fileSizeBytes)
        if (file !== undefined) files.push({ index, file, newestSequence: -1 })
      }
      if (files.length === 0 && needsFiles) throw noFirstFile(yield* ringFileDamage(store, 0, fileSizeBytes))
      for (const index of strays) {
        yield* unlessFull(perform('remove', ringFile(index), () => store.remove(ringFile(index))))
      }
    } catch (error) {
      closeAll(files)
      throw error
    }
    return new Ring(store, fileSizeBytes, files, releasedSequence)
  }

  /** Makes files of zeros. They may be used as soon as they and their directory entries are durable (rule 1). */
  static *makeFiles(store: FileStore, indexes: readonly number[], fileSizeBytes: number): Task<RingFile[]> {
    const files: RingFile[] = []
    try {
      for (const index of indexes) {
        const path = ringFile(index)
        const file = yield* createFile(store, path)
        files.push({ index, file, newestSequence: -1 })
        // A file of the wrong size that is made anew may be too large.
        if (file.size() > 0) file.truncate(0)
        fillWithZeros(file, fileSizeBytes)
        yield* letOthersRun()
      }
      return files
    } catch (error) {
      closeAll(files)
      throw error
    }
  }

  get sizeBytes(): number {
    return this.#files.length * this.fileSizeBytes
  }

  /**
   * Bytes that can't be overwritten before the next checkpoint. Right after a checkpoint there are none: otherwise it
   * would ask for the next one, without end.
   */
  get usedBytes(): number {
    let used = this.#current === undefined || this.#isFree(this.#current) ? 0 : this.#position
    for (const file of this.#files) if (file !== this.#current && !this.#isFree(file)) used += this.fileSizeBytes
    return used
  }

  #isFree(file: RingFile): boolean {
    return file.newestSequence <= this.#releasedSequence
  }

  #nextFree(): RingFile | undefined {
    return this.#files.find((file) => file !== this.#current && this.#isFree(file))
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#fitsCurrent(sizeBytes) || this.#nextFree() !== undefined
  }

  #fitsCurrent(sizeBytes: number): boolean {
    return this.#current !== undefined && this.#position + alignFrame(sizeBytes) <= this.fileSizeBytes
  }

  /**
   * Whether there is so much room that small frames find some without a checkpoint for a while, whatever the next frame
   * takes.
   */
  get hasAmpleRoom(): boolean {
    let free = 0
    for (const file of this.#files) if (file !== this.#current && this.#isFree(file)) free++
    return free > AMPLE_FILES
  }

  /** Takes room for frame `sequence`. The caller has asked `hasRoom` first. */
  take(sizeBytes: number, sequence: number): FramePlace {
    const current = this.#fitsCurrent(sizeBytes) ? this.#current : this.#nextFree()
    if (current === undefined)
      throw new LogError('STORAGE_FULL', 'the journal has no free file', { file: JOURNAL_DIRECTORY, position: 0 })
    if (current !== this.#current) this.#position = 0
    this.#current = current
    const place = { file: current.file, position: this.#position }
    this.#position += alignFrame(sizeBytes)
    current.newestSequence = sequence
    return place
  }

  /** Tells the ring that frames up to `sequence` are covered by a durable checkpoint. */
  release(sequence: number): void {
    this.#releasedSequence = Math.max(this.#releasedSequence, sequence)
  }

  /**
   * Sees to it that the first `fileCount` files are there, whole and durable, and waits for the effects `beside` too.
   * If the disk has no room for the files (STORAGE_FULL), or `store` finds too many files open, the ring stays as it
   * was.
   */
  *grow(fileCount: number, beside: readonly Effect<void>[] = [], store: FileStore = this.#store): Task<void> {
    const missing = (index: number): boolean => this.#files.every((each) => each.index !== index)
    const indexes = Array.from({ length: fileCount }, (_, index) => index).filter(missing)
    const unproven = this.#unproven.filter(({ index }) => index < fileCount)
    if (indexes.length === 0 && unproven.length === 0) return void (yield* performAll(beside))
    let made: readonly RingFile[] = []
    try {
      made = yield* Ring.makeFiles(store, indexes, this.fileSizeBytes)
      const flushes = [...unproven, ...made].map(({ file }) => flushOf(file))
      yield* performAll([...flushes, directorySync(this.#store, JOURNAL_DIRECTORY), ...beside])
      this.#files.push(...made)
      this.#unproven = []
    } catch (error) {
      closeAll(made)
      if (!LogError.is(error, 'STORAGE_FULL') && !isTooManyFiles(error)) throw error
      for (const index of indexes) yield* this.#unmake(index)
      throw error
    }
  }

  /**
   * Takes back a file that couldn't be made whole. If the ring has files after it, the file is emptied and its name
   * stays: without the name the next open would take those files for what `shrink` left.
   */
  *#unmake(index: number): Task<void> {
    const path = ringFile(index)
    if (this.#files.every((each) => each.index < index)) {
      return yield* perform('remove', path, () => this.#store.remove(path))
    }
    yield* withFile(this.#store, path, (file) => file.truncate(0))
  }

  /**
   * Gives back all files but the first. Called after a checkpoint that covers every frame, when nothing is written any
   * more. A crash that brings some files back does no harm, so the removals aren't synced, nor do those that stay for
   * want of room to remove them.
   */
  *shrink(): Task<void> {
    const others = this.#files.sort((a, b) => a.index - b.index).splice(1)
    closeAll(others)
    const removal = ({ file: { path } }: RingFile): Effect<void> => {
      return { kind: 'remove', target: path, run: () => this.#store.remove(path) }
    }
    yield* performAll(others.map(removal))
  }

  close(): void {
    closeAll(this.#files)
  }
}

function closeAll(files: readonly RingFile[]): void {
  for (const { file } of files) file.close()
}

/** `undefined` where the file is missing, or of another size. */
function* openWhole(store: FileStore, index: number, fileSizeBytes: number): Task<StoreFile | undefined> {
  const file = yield* openFile(store, ringFile(index))
  let isWhole = false
  try {
    isWhole = file?.size() === fileSizeBytes
  } finally {
    if (!isWhole) file?.close()
  }
  return isWhole ? file : undefined
}

/** Returns what is wrong with a file of the ring, `undefined` if it is there and whole. */
export function* ringFileDamage(store: FileStore, index: number, fileSizeBytes: number): Task<Damage | undefined> {
  const path = ringFile(index)
  const sizeBytes = yield* withFile(store, path, (file) => file.size())
  if (sizeBytes === fileSizeBytes) return undefined
  const code = sizeBytes === undefined ? 'is missing' : `is not ${fileSizeBytes} bytes long`
  const position = Math.min(sizeBytes ?? 0, fileSizeBytes)
  return { file: path, position, topic: undefined, partition: undefined, offset: undefined, code }
}

function noFirstFile(found: Damage | undefined): LogError {
  const { file = ringFile(0), position = 0, code = 'is missing' } = found ?? {}
  const message = `${file} ${code}, and may have held acknowledged records: put it back, or salvage the rest`
  return new LogError('CORRUPT_LOG', message, { file, position })
}

function fillWithZeros(file: StoreFile, sizeBytes: number): void {
  const zeros = new Uint8Array(Math.min(sizeBytes, 256 * 1024))
  for (let position = 0; position < sizeBytes; position += zeros.length) {
    writeFully(file, zeros.subarray(0, Math.min(zeros.length, sizeBytes - position)), position)
  }
}

export function* ringIndexes(store: FileStore): Task<number[]> {
  const names = yield* perform('list', JOURNAL_DIRECTORY, () => store.list(JOURNAL_DIRECTORY))
  return names.map(ringIndex).filter((index) => index !== undefined)
}
