import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile, withFile } from '../../storage/open-file.ts'
import { NAME_CHARS_MAX } from '../../storage/path.ts'

export const SET_ASIDE_DIRECTORY = 'set-aside'
/**
 * Bounds for what is kept of cut tails, those of earlier recoveries included: the newest files stay (durability rule
 * 6d).
 */
const FILES_MAX = 16
const BYTES_MAX = 64 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024
/** The leader epoch that the recovery found, and a number: newer names sort last. */
const OWN_NAME = /^\d{10}-\d{2}\./

/** Copies of bytes that recovery cut off, so that nothing is deleted unseen. */
export class SetAside {
  readonly #store: FileStore
  readonly #leaderEpoch: number
  readonly files: string[] = []
  bytes = 0
  /** Which bytes of which files: an attempt that found no room to cut them is followed by another one. */
  readonly #kept: Set<string> = new Set()

  /** `leaderEpoch`: the one that the recovery found, which is higher each time. */
  constructor(store: FileStore, leaderEpoch: number) {
    this.#store = store
    this.#leaderEpoch = leaderEpoch
  }

  /**
   * Copies [from, to) of `file`, without the zeros at its end, which are no content. Durable when the task ends, its
   * name too: the caller cuts the original then, and a power failure may keep the cut.
   */
  *keep(file: StoreFile, from: number, to: number): Task<void> {
    const end = lastContent(file, from, to)
    const range = `${file.path} ${from} ${end}`
    if (end === from || this.#kept.has(range)) return
    if (this.files.length >= FILES_MAX || this.bytes + (end - from) > BYTES_MAX) return
    const path = this.#pathFor(file, from)
    const copy = yield* createFile(this.#store, path)
    try {
      copy.truncate(0)
      const chunk = new Uint8Array(CHUNK_BYTES)
      for (let position = from; position < end; position += chunk.length) {
        const part = chunk.subarray(0, Math.min(chunk.length, end - position))
        writeFully(copy, part.subarray(0, file.read(part, position)), position - from)
      }
      const directories = this.files.length === 0 ? [SET_ASIDE_DIRECTORY, ''] : [SET_ASIDE_DIRECTORY]
      yield* performAll([flushOf(copy), ...directories.map((each) => directorySync(this.#store, each))])
    } finally {
      copy.close()
    }
    this.#kept.add(range)
    this.files.push(path)
    this.bytes += end - from
  }

  /** For the longest topic names, only the end of the name is used. */
  #pathFor(file: StoreFile, from: number): string {
    const number = `${this.files.length}`.padStart(2, '0')
    const recovery = `${this.#leaderEpoch}`.padStart(10, '0')
    const place = `${file.path.replaceAll('/', '.')}.${from}`
    return `${SET_ASIDE_DIRECTORY}/${recovery}-${number}.${place.slice(recovery.length + 4 - NAME_CHARS_MAX)}`
  }

  /** Removes older copies beyond the bounds, and nothing else that lies there. */
  *finish(): Task<void> {
    if (this.files.length === 0) return
    const names = yield* perform('list', SET_ASIDE_DIRECTORY, () => this.#store.list(SET_ASIDE_DIRECTORY))
    const paths = names.filter((name) => OWN_NAME.test(name)).map((name) => `${SET_ASIDE_DIRECTORY}/${name}`)
    const older = paths.filter((path) => !this.files.includes(path)).sort()
    let { bytes } = this
    let count = this.files.length
    for (const path of older.reverse()) {
      const sizeBytes = yield* this.#sizeOf(path)
      if (sizeBytes === undefined) continue
      bytes += sizeBytes
      if (++count > FILES_MAX || bytes > BYTES_MAX) yield* perform('remove', path, () => this.#store.remove(path))
    }
    yield* perform('syncDirectory', SET_ASIDE_DIRECTORY, () => this.#store.syncDirectory(SET_ASIDE_DIRECTORY))
  }

  /** `undefined` for what can't be opened, such as a directory with such a name: it isn't one of the copies. */
  *#sizeOf(path: string): Task<number | undefined> {
    try {
      return yield* withFile(this.#store, path, (file) => file.size())
    } catch (error) {
      if (!LogError.is(error, 'KAFKA_STORAGE_ERROR')) throw error
      return undefined
    }
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
