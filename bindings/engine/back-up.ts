import { LogError } from '../model/errors.ts'
import type { BackupTarget } from '../storage/backup-target.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'

/** Rejects with INVALID_REQUEST for a store without files: the database that holds its rows has backups of its own. */
export function* backUp(store: PartitionStore, target: BackupTarget): Task<void> {
  if (store.backup === undefined) {
    const message = `${store.capabilities.name} keeps no files: back up the log with what its storage has for that`
    throw new LogError('INVALID_REQUEST', message, { argument: 'directory' })
  }
  yield* store.backup(target)
}
