import { LogError } from '../model/errors.ts'

/** Of one name, between two slashes. */
export const NAME_CHARS_MAX = 255

/**
 * The names that a store may hold: those that every file system takes alike. Names are made of checked topic names and
 * numbers, so a refused one is a mistake or an attack, never what a user wanted.
 */
const name = String.raw`(?!\.\.?(?:/|$))[A-Za-z0-9._-]{1,${NAME_CHARS_MAX}}`
const names = new RegExp(`^${name}(?:/${name})*$`)

/** The one name in the root that belongs to drivers: a store neither lists nor opens it. */
export const lockFile = '.lock'

/** Throws unless `path` names something below the root. */
export function checkPath(path: string, operation: string): void {
  if (typeof path === 'string' && names.test(path) && path !== lockFile) return
  throw new LogError('KAFKA_STORAGE_ERROR', `${JSON.stringify(path)} names nothing that a store may hold`, {
    file: path,
    operation,
  })
}

/** As `checkPath`, where '' names the root. */
export function checkDirectory(path: string, operation: string): void {
  if (path !== '') checkPath(path, operation)
}

/** '' for a name in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Only within one directory: such a rename needs one sync to be durable, and no order between two syncs. */
export function checkRename(from: string, to: string): void {
  checkPath(from, 'rename')
  checkPath(to, 'rename')
  if (parentOf(from) === parentOf(to)) return
  throw new LogError('KAFKA_STORAGE_ERROR', `renaming ${from} to ${to} would leave its directory`, {
    file: from,
    to,
    operation: 'rename',
  })
}
