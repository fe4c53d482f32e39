import * as fs from 'node:fs'
import { join } from 'node:path'
import { LogError } from '../../../model/errors.ts'
import type { StoreLock } from '../../file-store.ts'
import { lockFile } from '../../path.ts'
import { storageError, UNPERMITTED } from './errors.ts'
import { identityOf, isInPlace, lost } from './file-identity.ts'
import { type Holder, inUse, note, readHolder, thisProcess } from './holder-note.ts'

/** An absolute path first: to search PATH costs 0.3 ms. */
const flockPrograms: readonly string[] = ['/usr/bin/flock', '/bin/flock', 'flock']

/** The locks that this process holds, whichever copy of the package took them: spares a second opener the spawn. */
function heldHere(): Map<string, Holder> {
  const shared = globalThis as { [key: symbol]: Map<string, Holder> | undefined }
  const key = Symbol.for('oncelog.heldDirectories')
  shared[key] ??= new Map()
  return shared[key]
}

/**
 * One holder per directory: flock(2) on `.lock`, taken by the program flock(1) on a descriptor that it inherits from
 * us. The lock belongs to our open file description, so it outlives that program, dies with this process however it
 * ends, holds while it is stopped, and counts between containers and network namespaces that share the directory.
 *
 * The file is never removed (a second holder could lock the new one), and what is written in it is for the error
 * message of those who come second; it decides nothing.
 */
export async function lockDirectory(root: string, programs: readonly string[] = flockPrograms): Promise<StoreLock> {
  if (process.platform !== 'linux') {
    throw new LogError('LOCK_UNSUPPORTED', `locking ${root} needs flock on Linux; this is ${process.platform}`, {
      directory: root,
      missing: 'Linux',
    })
  }
  // Whatever it allows, fsync and fdatasync it refuses: the log would get no further than its first flush.
  if ((process.permission as NodeJS.ProcessPermission | undefined) !== undefined) {
    throw new LogError(
      'LOCK_UNSUPPORTED',
      `${root} can't be locked and flushed under node --permission: ${UNPERMITTED}`,
      {
        directory: root,
        missing: 'flushes',
      },
    )
  }
  for (;;) {
    const descriptor = openLockFile(root)
    let lock: StoreLock | undefined
    try {
      lock = await tryLock(descriptor, root, programs)
      if (lock !== undefined) return lock
    } catch (error) {
      throw storageError('lock', lockFile, root, error)
    } finally {
      if (lock === undefined) fs.closeSync(descriptor)
    }
  }
}

/**
 * The same lock where nothing may be written: an existing lock's file is locked, and nothing is noted in it. Without
 * one nobody holds the directory. Shared, as nobody else who only reads must wait, and as NFS locks a file that is
 * opened for reading in no other way (flock(2)).
 */
export async function lockUntouched(root: string, programs: readonly string[] = flockPrograms): Promise<StoreLock> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  let descriptor: number
  try {
    descriptor = fs.openSync(join(root, lockFile), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { release() {} }
    throw storageError('lock', lockFile, root, error)
  }
  try {
    const held = heldHere().get(identityOf(fs.fstatSync(descriptor)))
    if (held !== undefined) throw inUse(root, held)
    if (!flock(descriptor, root, programs, '-s')) throw inUse(root, await readHolder(descriptor))
  } catch (error) {
    fs.closeSync(descriptor)
    throw storageError('lock', lockFile, root, error)
  }
  let isHeld = true
  return {
    release(): void {
      if (isHeld) fs.closeSync(descriptor)
      isHeld = false
    },
  }
}

/** `undefined` if the file was removed since it was opened, with its directory: a lock on it would exclude nobody. */
async function tryLock(descriptor: number, root: string, programs: readonly string[]): Promise<StoreLock | undefined> {
  const identity = identityOf(fs.fstatSync(descriptor))
  const held = heldHere().get(identity)
  if (held !== undefined) throw inUse(root, held)
  const isStillHeld = refusedHere.has(identity) && isListed(identity)
  if (isStillHeld || !flock(descriptor, root, programs)) {
    refusedHere.add(identity)
    throw inUse(root, await readHolder(descriptor))
  }
  refusedHere.delete(identity)
  const onDisk = fs.statSync(join(root, lockFile), { throwIfNoEntry: false })
  return onDisk !== undefined && identityOf(onDisk) === identity ? hold(descriptor, identity, root) : undefined
}

function openLockFile(root: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants
  try {
    const descriptor = fs.openSync(join(root, lockFile), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    if (fs.fstatSync(descriptor).isFile()) return descriptor
    fs.closeSync(descriptor)
  } catch (error) {
    throw storageError('lock', lockFile, root, error)
  }
  throw storageError('lock', lockFile, root, 'it is not a regular file')
}

/**
 * Locks that this process was refused, by the identity of their file: before another try it looks into the system's
 * list. Not before the first try, as the list may take the system 20 ms.
 */
const refusedHere = new Set<string>()

/**
 * Whether the system's list of locks has it: so hundreds of processes that wait for this lock needn't fork each time
 * they look. In a container the list leaves out locks that are held elsewhere, and those whose taker has ended, as
 * flock(1) has: a lock that isn't listed is tried.
 */
function isListed(identity: string): boolean {
  const [device = 0n, inode] = identity.split(':').map(BigInt)
  const major = ((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)
  const minor = ((device >> 12n) & 0xffffff00n) | (device & 0xffn)
  const place = [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':')
  try {
    return fs
      .readFileSync('/proc/locks', 'latin1')
      .split('\n')
      .some((line) => {
        return / FLOCK +ADVISORY +WRITE /.test(line) && !line.includes('->') && line.includes(` ${place}:${inode} `)
      })
  } catch {
    return false
  }
}

/**
 * True if it was taken. The program's standard input is our descriptor. Synchronous, because most of the time is the
 * fork, which holds this thread either way; the module is loaded here, because reading and writing never need it.
 */
function flock(descriptor: number, root: string, programs: readonly string[], kind: '-x' | '-s' = '-x'): boolean {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  for (const program of programs) {
    const isSearched = !program.includes('/')
    const done = spawnSync(program, ['-n', kind, '0'], {
      stdio: [descriptor, 'ignore', 'ignore'],
      env: isSearched ? process.env : {},
    })
    const code = (done.error as NodeJS.ErrnoException | undefined)?.code
    if (code === 'ENOENT' || code === 'EACCES') continue
    if (done.error !== undefined) throw done.error
    if (done.status === 0) return true
    if (done.status === 1) return false
    throw new LogError('LOCK_UNSUPPORTED', `flock of ${root}/${lockFile} ended with ${done.status ?? done.signal}`, {
      directory: root,
      missing: 'a file system with flock',
    })
  }
  throw new LogError(
    'LOCK_UNSUPPORTED',
    `locking ${root} needs the program flock (Debian: util-linux; Alpine: in BusyBox) in /usr/bin, /bin or on the PATH`,
    { directory: root, missing: 'flock' },
  )
}

function hold(descriptor: number, identity: string, root: string): StoreLock {
  const holder = thisProcess()
  note(descriptor, JSON.stringify(holder))
  heldHere().set(identity, holder)
  let isHeld = true
  return {
    release(): void {
      if (!isHeld) return
      isHeld = false
      heldHere().delete(identity)
      note(descriptor, '')
      fs.closeSync(descriptor)
    },
    assertHeld(): void {
      if (isHeld && !isInPlace(root, identity)) throw lost(root)
    },
  }
}
