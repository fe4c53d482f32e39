import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LogError } from '../../model/errors.ts'

/** A `file:` URL: any platform's URL object fits. */
export interface FileUrl {
  /** The whole URL. */
  readonly href: string
}

/**
 * An absolute path: an open log uses its directory again and again, even if the program changes its working directory.
 */
export function pathOf(directory: string | FileUrl): string {
  const path = typeof directory === 'string' ? resolved(directory) : pathOfUrl(directory)
  // No system has a file of such a name.
  if (path.includes('\0')) throw wrong()
  return path
}

function resolved(directory: string): string {
  if (directory === '') throw wrong()
  // As a path it would be a directory named "file:" in the working directory.
  if (directory.startsWith('file:')) throw wrong()
  try {
    return resolve(directory)
  } catch (error) {
    const message = `"${directory}" leads nowhere, as this process's working directory was removed: name the whole path`
    throw new LogError('INVALID_REQUEST', message, { argument: 'directory' }, error)
  }
}

function pathOfUrl(directory: FileUrl): string {
  try {
    if (typeof directory === 'object' && directory !== null && typeof directory.href === 'string')
      return fileURLToPath(directory.href)
  } catch (error) {
    throw wrong(error)
  }
  throw wrong()
}

/** `cause`: the error for a URL with another scheme or with a host. */
function wrong(cause?: unknown): LogError {
  return new LogError(
    'INVALID_REQUEST',
    'the directory must be a path, or a file URL as an object: new URL("file:…")',
    { argument: 'directory' },
    cause,
  )
}
