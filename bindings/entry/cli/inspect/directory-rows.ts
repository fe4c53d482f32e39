import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { storageError } from '../../../storage/drivers/node-fs/errors.ts'
import type { Row } from '../output.ts'

/**
 * The regular files below a directory, one row each. A program that has the log open makes and removes files meanwhile:
 * one that is gone when it is looked at is left out.
 */
export function* directoryRows(root: string, directory = ''): Generator<Row> {
  for (const name of inDirectory(root, directory, () => readdirSync(join(root, directory)).sort()) ?? []) {
    const file = join(directory, name)
    const stats = inDirectory(root, file, () => lstatSync(join(root, file)))
    if (stats?.isDirectory() === true) yield* directoryRows(root, file)
    else if (stats?.isFile() === true) yield { file, sizeBytes: stats.size }
  }
}

/** `undefined` if it is gone. */
function inDirectory<T>(root: string, file: string, look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError('list', file, root, error)
  }
}
