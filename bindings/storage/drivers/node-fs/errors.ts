import { LogError } from '../../../model/errors.ts'

/** Node's permission model refuses fsync and fdatasync to all. */
export const UNPERMITTED =
  'run the process that holds the log without it; others may attach, with the directory and --allow-net'

/** What to do about the failures that a program or its operator can cause. */
const advice: { readonly [errno: string]: string } = {
  ENOSPC: 'the device is full: free space or delete topics',
  EDQUOT: 'the quota of this user is used up: free space or raise it',
  EFBIG: 'the file would pass the size limit of the process or file system: raise it (ulimit -f)',
  EMFILE: 'the process has too many open files: raise its limit (ulimit -n)',
  ENFILE: 'the system has too many open files: raise its limit (fs.file-max)',
  EACCES: 'the process may not do this: give its user read and write access to the directory and all in it',
  EPERM: 'the system forbids it: check owner, mount and attributes of the directory',
  EROFS: 'the file system is read-only: mount it for writing or choose another directory',
  ENOTDIR: 'a part of the path is no directory: move what lies there out of the way',
  EEXIST: 'something else has this name: move it out of the way',
  EISDIR: 'a directory has the name of a file: move it out of the way',
  ERR_FS_EISDIR: 'a directory has the name of a file: move it out of the way',
  ENXIO: 'a pipe, a socket or a device has the name of a file: move it out of the way',
  ELOOP: 'it is a symbolic link, which a log never follows: put the files themselves there',
  ENOTEMPTY: 'the directory is not empty',
  ENOENT: 'it is missing: something other than the log removed it',
  ESTALE: 'the file server does not know the file any more: mount it again',
  ENOTCONN: 'the process that serves the file system is gone: mount it again',
  ENAMETOOLONG: 'a name in the path is too long: choose a shorter one',
  ERR_ACCESS_DENIED: `node --permission forbids it: ${UNPERMITTED}`,
  EIO: 'the device failed: check it before the directory is opened again',
}

/** For operations that write no bytes. */
const noMoreFiles = 'there is no room for one more file: remove files (df -i counts them), free space or delete topics'
const makesFiles: readonly string[] = ['open', 'lock', 'listen']

const fullCodes: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * A failed flush or sync is never "full, try again": what the page cache still holds is unknown (durability rule 10).
 * So with a close: a network file system writes at it what it had taken before, and gives that up where there is no
 * room.
 */
const finalOperations: readonly string[] = ['flush', 'syncDirectory', 'close']

/** Node's error, or a reason of our own as text, as the error that the port promises. */
export function storageError(operation: string, file: string, root: string, cause: unknown): LogError {
  if (LogError.is(cause)) return cause as LogError
  const given = (cause as NodeJS.ErrnoException | undefined)?.code
  const errno = typeof given === 'string' ? given : undefined
  // Not by its class: in a context of node:vm, as tests of Jest have, Node's errors are of another one.
  const error = typeof cause === 'object' ? (cause as Error) : undefined
  const why = errno === undefined ? (error?.message ?? String(cause)) : `${errno}, ${reason(errno, operation)}`
  const full = errno !== undefined && fullCodes.includes(errno) && !finalOperations.includes(operation)
  return new LogError(
    full ? 'STORAGE_FULL' : 'KAFKA_STORAGE_ERROR',
    `${operation} of ${file === '' ? root : `${file} in ${root}`} failed: ${why}`,
    { file, directory: root, operation, errno },
    error,
  )
}

function reason(errno: string, operation: string): string {
  if (errno === 'ENOSPC' && makesFiles.includes(operation)) return noMoreFiles
  return advice[errno] ?? 'see the cause'
}
