import { LogError } from '../model/errors.ts'
import { perform, type Task } from './effect.ts'
import type { FileStore, StoreFile } from './file-store.ts'

/** Opens for reading and writing; `undefined` if there is no such file. */
export function* openFile(store: Pick<FileStore, 'open'>, path: string): Task<StoreFile | undefined> {
  return yield* perform('open', path, () => store.open(path, { create: false }))
}

/** The outcome of `use`, during which the file is open; `undefined` if there is no such file. */
export function* withFile<T>(
  store: Pick<FileStore, 'open'>,
  path: string,
  use: (file: StoreFile) => T,
): Task<T | undefined> {
  const file = yield* openFile(store, path)
  if (file === undefined) return undefined
  try {
    return use(file)
  } finally {
    file.close()
  }
}

/** As `openFile`, and makes an empty file where there is none. */
export function* createFile(store: Pick<FileStore, 'open'>, path: string): Task<StoreFile> {
  const file = yield* perform('open', path, () => store.open(path, { create: true }))
  if (file === undefined) throw notCreated(path)
  return file
}

/** For a driver that returns nothing where it was to create a file: by the port it must throw. */
export function notCreated(path: string): LogError<'KAFKA_STORAGE_ERROR'> {
  return new LogError('KAFKA_STORAGE_ERROR', `${path} could not be created`, { file: path, operation: 'open' })
}
