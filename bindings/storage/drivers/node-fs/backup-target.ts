import { existsSync, linkSync, realpathSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { LogError } from '../../../model/errors.ts'
import { type BackupTarget, UNFINISHED_COPY } from '../../backup-target.ts'
import { createDirectoryStore } from '../node-fs.ts'
import { storageError } from './errors.ts'

/**
 * For another device, a file system without links, a file with too many names, or one that is gone; a copy then tells
 * what is wrong.
 */
const NOT_SHARED: readonly string[] = [
  'EXDEV',
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'ENOENT',
]

/** A directory for a copy of the log in `source`; `undefined`: that log lies in no directory. */
export function backupTarget(directory: string, source: string | undefined): BackupTarget {
  const root = resolve(directory)
  const origin = source === undefined ? undefined : resolve(source)
  if (origin !== undefined && isInside(realPathOf(origin), realPathOf(root))) {
    throw new LogError('INVALID_REQUEST', `the copy must lie outside of ${origin}`, {
      argument: 'directory',
      directory,
    })
  }
  return {
    store: createDirectoryStore(root, UNFINISHED_COPY),
    link(from, to) {
      if (origin === undefined) return false
      try {
        linkSync(join(origin, from), join(root, to))
        return true
      } catch (error) {
        if (NOT_SHARED.includes((error as NodeJS.ErrnoException).code ?? '')) return false
        throw storageError('link', to, root, error)
      }
    },
  }
}

/** As far as it exists, by its real name. */
function realPathOf(path: string): string {
  for (let known = path; ; known = resolve(known, '..')) {
    if (existsSync(known)) return join(realpathSync(known), relative(known, path))
  }
}

function isInside(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep)
}
