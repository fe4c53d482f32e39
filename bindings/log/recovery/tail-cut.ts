import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { logOffsets, NEXT_SEGMENT, segmentFileName } from '../files/file-names.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import type { FileCache } from '../segment/file-cache.ts'
import { removeSegment } from '../stored-files/segment-rewrite.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { removeLoneIndexes } from './lone-indexes.ts'
import type { SetAside } from './set-aside.ts'

export interface TailCutContext {
  readonly store: FileStore
  readonly files: FileCache
  readonly setAside: SetAside
}

/** Sets aside, then cuts, what lies in a partition's files past its end: it was acknowledged to nobody. */
export class TailCut {
  readonly #context: TailCutContext
  readonly #files: StoredFiles

  constructor(context: TailCutContext, files: StoredFiles) {
    this.#context = context
    this.#files = files
  }

  /** Names of the partition's files: each listing reads them all. */
  *names(): Task<readonly string[]> {
    const { directory } = this.#files
    const names = yield* perform('list', directory, () => this.#context.store.list(directory))
    if (names.includes(NEXT_SEGMENT)) recoveryMarks.hit('next-segment-left')
    return names
  }

  /** Cuts the active segment at its end, and removes the segments that follow. */
  *cut(): Task<void> {
    yield* this.cutActive()
    const names = yield* this.names()
    const activeBase = this.#files.segments.active?.baseOffset ?? -1
    for (const baseOffset of logOffsets(names)) {
      if (baseOffset <= activeBase) continue
      recoveryMarks.hit('later-segment-set-aside')
      yield* this.#setAside(baseOffset, `${this.#files.directory}/${segmentFileName(baseOffset, 'log')}`)
    }
    yield* removeLoneIndexes(this.#context.store, this.#files, names)
  }

  /** Of the active segment alone. */
  *cutActive(): Task<void> {
    const { active } = this.#files.segments
    if (active === undefined) return
    const file = yield* this.#context.files.reopen(active.logPath)
    if (file.size() <= active.sizeBytes) return
    recoveryMarks.hit('tail-cut')
    // Where descriptors are short, the copy may have files closed that nobody uses for the moment.
    this.#context.files.pin(active.logPath)
    try {
      yield* this.#context.setAside.keep(file, active.sizeBytes, file.size())
      file.truncate(active.sizeBytes)
    } finally {
      this.#context.files.unpin(file)
    }
    this.#files.unsynced.add(active)
  }

  *#setAside(baseOffset: number, path: string): Task<void> {
    const file: StoreFile | undefined = yield* this.#context.files.open(path, { create: false })
    this.#context.files.pin(path)
    try {
      if (file !== undefined) yield* this.#context.setAside.keep(file, 0, file.size())
    } finally {
      this.#context.files.close(path)
    }
    yield* removeSegment(this.#context.store, this.#files.directory, baseOffset)
    this.#files.directoryChanged()
  }
}
