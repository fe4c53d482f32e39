import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKPOINT_DIRECTORY } from '../../log/checkpoint/checkpoint-file.ts'
import { PARTITION_METADATA, parsePartitionDirectory } from '../../log/files/file-names.ts'
import { JOURNAL_DIRECTORY } from '../../log/journal/layout.ts'
import { LogError } from '../../model/errors.ts'
import { UNFINISHED_COPY } from '../../storage/backup-target.ts'
import { storageError } from '../../storage/drivers/node-fs/errors.ts'

/**
 * INVALID_REQUEST for a directory that holds no part of a log: a misspelt name would show an empty log. `advice`: what
 * the user should do. KAFKA_STORAGE_ERROR for one that can't be looked into.
 */
export function assertLogDirectory(directory: string, advice: string = "name the log's"): void {
  assertNamed(directory, advice)
  try {
    const stats = statSync(directory, { throwIfNoEntry: false })
    if (stats === undefined) throw wrong(`there is no directory ${directory}: ${advice}`, directory)
    if (!stats.isDirectory()) throw wrong(`${directory} is no directory: ${advice}`, directory)
    if (!readdirSync(directory).some((name) => isOfLog(directory, name)))
      throw wrong(`${directory} holds no log: ${advice}`, directory)
  } catch (error) {
    throw storageError('list', '', directory, error)
  }
}

/** INVALID_REQUEST for an empty name, as an environment variable or one of a script's may have it. */
export function assertNamed(directory: string, advice: string): void {
  if (directory === '') throw wrong(`the name of the directory is empty: ${advice}`, directory)
}

/** Any part of a log is enough, and of a copy that wasn't finished; if the others are missing, that is damage. */
function isOfLog(directory: string, name: string): boolean {
  if (name === JOURNAL_DIRECTORY || name === CHECKPOINT_DIRECTORY || name === UNFINISHED_COPY) return true
  return parsePartitionDirectory(name) !== undefined && existsSync(join(directory, name, PARTITION_METADATA))
}

function wrong(message: string, directory: string): LogError {
  return new LogError('INVALID_REQUEST', message, { argument: 'directory', directory })
}
