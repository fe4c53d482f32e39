import * as fs from 'node:fs'
import { join } from 'node:path'
import { LogError } from '../../../model/errors.ts'
import { lockFile } from '../../path.ts'

/** Tells a file from another one that has its path by now. */
export function identityOf(stats: fs.Stats): string {
  return `${stats.dev}:${stats.ino}`
}

/** The identity of the lock's file at the path; `undefined` if there is none, or it can't be looked at. */
export function lockIdentity(root: string): string | undefined {
  try {
    const onDisk = fs.statSync(join(root, lockFile), { throwIfNoEntry: false })
    return onDisk && identityOf(onDisk)
  } catch {
    return undefined
  }
}

/** False only if the system is sure: a look that fails tells nothing, and the next one comes soon. */
export function isInPlace(root: string, identity: string, file: string = lockFile): boolean {
  try {
    const onDisk = fs.statSync(join(root, file), { throwIfNoEntry: false })
    return onDisk !== undefined && identityOf(onDisk) === identity
  } catch (error) {
    // A file lies where the directory was, or one of those above it.
    return (error as NodeJS.ErrnoException).code !== 'ENOTDIR'
  }
}

export function lost(root: string, file: string = lockFile): LogError {
  const message =
    `${root} was removed, moved or replaced while a log had it open, or ${file} in it was: whoever opens it now gets another log. ` +
    'Close this one, then put the directory back, or open it where it lies now'
  return new LogError('KAFKA_STORAGE_ERROR', message, { file, directory: root, operation: 'lock' })
}

/** For a directory below the root. */
export function vanished(root: string, directory: string): LogError {
  const message = `${directory} in ${root} was removed or moved while a log had it open: close the log, then put it back`
  const details = { file: directory, directory: root, operation: 'open', errno: 'ENOENT' }
  return new LogError('KAFKA_STORAGE_ERROR', message, details)
}
