import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'

export const SET_ASIDE_DIRECTORY = 'set-aside'
/** What is kept of cut tails: the newest files, within these bounds (durability rule 6d). */
const FILES_MAX = 16
const BYTES_MAX = 64 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024

/** Copies of bytes that recovery cut off, so that nothing is deleted unseen. */
export class SetAside {
  readonly #store: FileStore
  readonly files: string[] = []
  bytes = 0

  constructor(store: FileStore) {
    this.#store = store
  }

  /** Copies [from, to) of `file`; zeros to the end are no content and stay behind. Durable when the task ends. */
  *keep(file: StoreFile, from: number, to: number): Task<void> {
    const end = lastContent(file, from, to)
    if (end === from || this.files.length >= FILES_MAX || this.bytes + (end - from) > BYTES_MAX) return
    const path = `${SET_ASIDE_DIRECTORY}/${file.path.replaceAll('/', '.')}.${from}`
    const copy = yield* createFile(this.#store, path)
    copy.truncate(0)
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (let position = from; position < end; position += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, end - position))
      writeFully(copy, part.subarray(0, file.read(part, position)), position - from)
    }
    yield* perform('flush', path, () => copy.flush())
    copy.close()
    this.files.push(path)
    this.bytes += end - from
  }

  /** Makes the copies' entries durable and removes what exceeds the bounds, the oldest first. */
  *finish(): Task<void> {
    if (this.files.length === 0) return
    const names = yield* perform('list', SET_ASIDE_DIRECTORY, () => this.#store.list(SET_ASIDE_DIRECTORY))
    const older = names.map((name) => `${SET_ASIDE_DIRECTORY}/${name}`).filter((path) => !this.files.includes(path))
    for (const path of older.slice(0, Math.max(0, names.length - FILES_MAX))) {
      yield* perform('remove', path, () => this.#store.remove(path))
    }
    yield* perform('syncDirectory', SET_ASIDE_DIRECTORY, () => this.#store.syncDirectory(SET_ASIDE_DIRECTORY))
    yield* perform('syncDirectory', '', () => this.#store.syncDirectory(''))
  }
}

/** Where the bytes other than trailing zeros end. */
function lastContent(file: StoreFile, from: number, to: number): number {
  const chunk = new Uint8Array(CHUNK_BYTES)
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - CHUNK_BYTES)
    const count = file.read(chunk.subarray(0, end - start), start)
    for (let at = count - 1; at >= 0; at--) if (chunk[at] !== 0) return start + at + 1
    end = start
  }
  return from
}
