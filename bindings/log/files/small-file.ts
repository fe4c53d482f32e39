import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile, withFile } from '../../storage/open-file.ts'
import { TEMPORARY_SUFFIX } from './file-names.ts'

/** A small file: its name within a directory, and its whole content. */
export interface SmallFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Replaces small files of one directory, each as a whole: written beside it, flushed, renamed over it, and the
 * directory synced. After a crash at any step each has its old or its new content, never a part.
 */
export function* replaceFiles(store: FileStore, directory: string, files: readonly SmallFile[]): Task<void> {
  const written: StoreFile[] = []
  try {
    for (const { name, bytes } of files) {
      const temporary = `${directory}/${name}${TEMPORARY_SUFFIX}`
      const file = yield* createNew(store, temporary)
      written.push(file)
      writeFully(file, bytes, 0)
    }
    yield* performAll(written.map(flushOf))
  } finally {
    for (const file of written) file.close()
  }
  for (const { name } of files) {
    const path = `${directory}/${name}`
    yield* perform('rename', path, () => store.rename(path + TEMPORARY_SUFFIX, path))
  }
  yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
}

/**
 * A crash may have left a file under this name. If a renaming that was cut short left both names, that is the file in
 * place itself: so only this name is removed, and its content isn't touched.
 */
function* createNew(store: FileStore, path: string): Task<StoreFile> {
  const file = yield* createFile(store, path)
  let isEmpty = false
  try {
    isEmpty = file.size() === 0
  } finally {
    if (!isEmpty) file.close()
  }
  if (isEmpty) return file
  yield* perform('remove', path, () => store.remove(path))
  return yield* createFile(store, path)
}

/** A whole small file; `undefined` when it doesn't exist. More than `limitBytes` can't be such a file: CORRUPT_LOG. */
export function* readFile(
  store: FileStore,
  path: string,
  limitBytes: number,
): Task<Uint8Array<ArrayBuffer> | undefined> {
  return yield* withFile(store, path, (file) => readWhole(file, limitBytes))
}

/** CORRUPT_LOG for a file of more than `limitBytes`. */
export function readWhole(file: StoreFile, limitBytes: number = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  const size = file.size()
  if (size > limitBytes) throw damagedFile(file.path, limitBytes, `${size} bytes are more than such a file can have`)
  const bytes = new Uint8Array(size)
  const count = file.read(bytes, 0)
  return count === size ? bytes : bytes.slice(0, count)
}

export function damagedFile(path: string, position: number, what: string): LogError<'CORRUPT_LOG'> {
  return new LogError('CORRUPT_LOG', `${path} is damaged at ${position}: ${what}`, { file: path, position })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The lines of a text file whose every line ends with `\n`; CORRUPT_LOG where bytes are no UTF-8 or the end is missing.
 */
export function linesOf(bytes: Uint8Array, path: string): string[] {
  const text = textOf(bytes, path)
  if (text === '') return []
  if (!text.endsWith('\n')) throw damagedFile(path, bytes.length, 'the last line has no end')
  return text.slice(0, -1).split('\n')
}

export function textOf(bytes: Uint8Array, path: string): string {
  try {
    return decoder.decode(bytes as Uint8Array<ArrayBuffer>)
  } catch (cause) {
    throw new LogError('CORRUPT_LOG', `${path} is not UTF-8 text`, { file: path, position: 0 }, cause)
  }
}
