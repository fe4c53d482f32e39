import { LogError } from '../../model/errors.ts'
import { UNFINISHED_COPY } from '../../storage/backup-target.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, letOthersRun, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../journal/ring.ts'

const COPIED_AT_ONCE_BYTES = 1024 * 1024

/** INVALID_REQUEST for a directory that isn't empty; then nothing is left there, not even the lock's file. */
export function* assertEmpty(store: FileStore): Task<void> {
  const [found] = yield* perform('list', '', () => store.list(''))
  refuse(found)
}

function refuse(found: string | undefined): void {
  if (found !== undefined) {
    throw new LogError('INVALID_REQUEST', `the directory to copy to must be empty, it holds ${found}`, {
      argument: 'directory',
      found,
    })
  }
}

/**
 * Marks a directory as a copy under way, durably and before anything else is in it: so whatever a crash leaves there is
 * known for what it is.
 */
export function* beginCopy(store: FileStore): Task<void> {
  // The mark may have come with the directory (`BackupTarget.store`).
  const names = yield* perform('list', '', () => store.list(''))
  refuse(names.find((name) => name !== UNFINISHED_COPY))
  const file = yield* createFile(store, UNFINISHED_COPY)
  writeFully(
    file,
    new TextEncoder().encode('A copy of a log is being made here. If nobody makes it any more, remove it.\n'),
    0,
  )
  yield* performAll([flushOf(file), directorySync(store, '')])
  file.close()
}

/** Removes the mark. To be called behind the header, which makes the copy a log. */
export function* endCopy(store: FileStore): Task<void> {
  yield* perform('remove', UNFINISHED_COPY, () => store.remove(UNFINISHED_COPY))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

export function* createFile(store: FileStore, path: string): Task<StoreFile> {
  const file = yield* openFile(store, path, true)
  if (file === undefined) throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${path}`, { file: path })
  return file
}

/**
 * Copies bytes to the same positions of `to`. Answers where the source ended, if it did before `end`. An error that
 * `mayGoOn` throws ends it.
 */
export function* copyBytes(
  from: StoreFile,
  to: StoreFile,
  start: number,
  end: number,
  mayGoOn: () => void,
): Task<number> {
  const chunk = new Uint8Array(Math.min(COPIED_AT_ONCE_BYTES, end - start))
  let position = start
  while (position < end) {
    mayGoOn()
    const count = from.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position)
    if (count === 0) break
    writeFully(to, chunk.subarray(0, count), position)
    position += count
    yield* letOthersRun()
  }
  return position
}
