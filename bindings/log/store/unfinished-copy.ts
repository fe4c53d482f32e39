import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { UNFINISHED_COPY } from '../../storage/backup-target.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import { readCheckpoints } from '../checkpoint/checkpoint-file.ts'

/** INVALID_REQUEST for a directory that isn't empty; then nothing is left in it, not even the lock's file. */
export function* assertEmpty(store: FileStore): Task<void> {
  const [found] = yield* perform('list', '', () => store.list(''))
  refuse(store, found)
}

function refuse({ directory }: FileStore, found: string | undefined): void {
  if (found === undefined) return
  const message = `${directory ?? 'the directory to copy to'} must be empty to be copied to, it holds ${found}`
  throw new LogError('INVALID_REQUEST', message, { argument: 'directory', directory, found })
}

/**
 * Marks a directory as a copy under way, durably and before anything else is in it: so what a crash leaves there is
 * recognised.
 */
export function* beginCopy(store: FileStore): Task<void> {
  // The mark may have come with the directory (`BackupTarget.store`).
  const names = yield* perform('list', '', () => store.list(''))
  refuse(
    store,
    names.find((name) => name !== UNFINISHED_COPY),
  )
  const file = yield* createFile(store, UNFINISHED_COPY)
  const text = 'A copy of a log is being made here. If nobody makes it any more, remove it.\n'
  try {
    writeFully(file, new TextEncoder().encode(text), 0)
    yield* performAll([flushOf(file), directorySync(store, '')])
  } finally {
    file.close()
  }
}

/** Removes the mark. Called after the header, which makes the copy a log. */
export function* endCopy(store: FileStore): Task<void> {
  yield* perform('remove', UNFINISHED_COPY, () => store.remove(UNFINISHED_COPY))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

/**
 * For a directory without a header: COPY_UNFINISHED if it has none because its copy wasn't finished. The mark alone
 * doesn't tell: a crash right after the header leaves the mark in what is a log, and a log may lose its header years
 * later. But only a log has more than the first checkpoint.
 */
export function* assertNoUnfinishedCopy(store: FileStore, kernel: Kernel): Task<void> {
  const names = yield* perform('list', '', () => store.list(''))
  if (!names.includes(UNFINISHED_COPY)) return
  const [newest] = yield* readCheckpoints(store, kernel, undefined)
  if (newest !== undefined && newest.record.sequence > 1) return
  const { directory } = store
  const where = directory ?? 'the directory'
  const message = `${where} holds the beginning of a copy of a log (${UNFINISHED_COPY}), not a log`
  throw new LogError('COPY_UNFINISHED', message, { directory, file: UNFINISHED_COPY })
}
