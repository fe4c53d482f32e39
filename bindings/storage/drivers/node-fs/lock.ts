import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { LogError } from '../../../model/errors.ts'
import type { StoreLock } from '../../file-store.ts'
import { lockFile } from '../../path.ts'
import { storageError } from './errors.ts'

/**
 * One holder per directory: flock(2) on `.lock`, taken by the program flock(1) on a descriptor that it inherits from
 * us. The lock belongs to our open file description, so it outlives that program, dies with this process however it
 * ends, holds while it is stopped, and counts between containers and network namespaces that share the directory.
 *
 * The file is never removed (a second holder could lock the new one), and what is written in it is for the error
 * message of those who come second; it decides nothing.
 */
/** An absolute path first: looking through PATH costs 0.3 ms. */
const flockPrograms: readonly string[] = ['/usr/bin/flock', '/bin/flock', 'flock']

interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
  /** Start of the process in ticks since boot, from /proc: tells a pid from its next owner. */
  readonly start: string
}

/** What this process holds, whichever copy of the package took it: spares a second opener the spawn. */
function heldHere(): Map<string, Holder> {
  const shared = globalThis as { [key: symbol]: Map<string, Holder> | undefined }
  const key = Symbol.for('oncelog.heldDirectories')
  shared[key] ??= new Map()
  return shared[key]
}

export async function lockDirectory(root: string, programs: readonly string[] = flockPrograms): Promise<StoreLock> {
  if (process.platform !== 'linux') {
    throw new LogError('LOCK_UNSUPPORTED', `locking ${root} needs flock on Linux; this is ${process.platform}`, {
      directory: root,
      missing: 'Linux',
    })
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
 * The same right where nothing may be written: what there is of the lock's file is locked, and nothing is noted in it.
 * Without one nobody holds the directory.
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
    if (!flock(descriptor, root, programs)) throw inUse(root, await readHolder(descriptor))
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

/** `undefined`: the file was removed since it was opened, with its directory; a lock on it would exclude nobody. */
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
 * Who was refused looks into the system's list before it tries again. Not the first time: the list may take the kernel
 * 20 ms.
 */
const refusedHere = new Set<string>()

/**
 * The system lists who has a lock, to spare hundreds that wait for this one a fork each time they look. In a container
 * it leaves out what is held elsewhere, and what a program took that has ended, as flock(1): what isn't listed is
 * tried.
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
 * True: taken. The program's standard input is our descriptor. Synchronous, because most of the time is the fork, which
 * holds this thread either way; the module is loaded here, because reading and writing never need it.
 */
function flock(descriptor: number, root: string, programs: readonly string[]): boolean {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  for (const program of programs) {
    const isSearched = !program.includes('/')
    const done = spawnSync(program, ['-n', '-x', '0'], {
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
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    start: startOf(process.pid),
  }
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

/** Which file the path's lock is; `undefined` where there is none, or no look at it. */
export function lockIdentity(root: string): string | undefined {
  try {
    const onDisk = fs.statSync(join(root, lockFile), { throwIfNoEntry: false })
    return onDisk && identityOf(onDisk)
  } catch {
    return undefined
  }
}

/** Only what the system is sure of counts: a look that fails says nothing of the file, and the next one comes soon. */
export function isInPlace(root: string, identity: string, file: string = lockFile): boolean {
  try {
    const onDisk = fs.statSync(join(root, file), { throwIfNoEntry: false })
    return onDisk !== undefined && identityOf(onDisk) === identity
  } catch {
    return true
  }
}

export function lost(root: string, file: string = lockFile): LogError {
  const message =
    `${root} was removed, moved or replaced while a log had it open, or ${file} in it was: whoever opens it now gets another log. ` +
    'Close this one, then put the directory back, or open it where it lies now'
  return new LogError('KAFKA_STORAGE_ERROR', message, { file, directory: root, operation: 'lock' })
}

/** A log must open on a full disk, to be read and to have topics deleted: it is locked without a text as well. */
function note(descriptor: number, text: string): void {
  try {
    fs.ftruncateSync(descriptor, 0)
    fs.writeSync(descriptor, text, 0)
  } catch {
    // The lock itself stands.
  }
}

/**
 * Who holds it. A holder writes that just after it took the lock, so a second opener may come before the text, or find
 * the one of a dead process: it looks again for a tenth of a second, and then reports what there is.
 */
async function readHolder(descriptor: number): Promise<Partial<Holder>> {
  let holder: Partial<Holder> = {}
  for (let attempt = 0; attempt < 20; attempt++) {
    holder = readNote(descriptor)
    if (isAlive(holder)) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return holder
}

/**
 * The refusal that a try for the lock would meet, by what is noted alone: it names nobody where that one doesn't live.
 */
export function notedHolder(root: string): LogError {
  let descriptor: number | undefined
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
    descriptor = fs.openSync(join(root, lockFile), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const holder = readNote(descriptor)
    return inUse(root, isAlive(holder) ? holder : {})
  } catch {
    return inUse(root, {})
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function readNote(descriptor: number): Partial<Holder> {
  const bytes = new Uint8Array(1024)
  return parseHolder(new TextDecoder().decode(bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, 0))))
}

/** Of another host or container nothing can be seen. */
function isAlive({ pid, host, start }: Partial<Holder>): boolean {
  return pid !== undefined && (host !== hostname() || startOf(pid) === start)
}

/** Nothing for what no holder wrote, or has written only in part. */
function parseHolder(text: string): Partial<Holder> {
  try {
    const { pid, host, since, start } = JSON.parse(text) as Partial<Holder>
    const isHolder = Number.isSafeInteger(pid) && [host, since, start].every((each) => typeof each === 'string')
    return isHolder ? ({ pid, host, since, start } as Holder) : {}
  } catch {
    return {}
  }
}

/** '' when there is no such process, or it is in another namespace. */
function startOf(pid: number): string {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold blanks; the 22nd is the start.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function inUse(root: string, { pid, host, since }: Partial<Holder>): LogError {
  const who = pid === undefined ? 'another process' : `process ${pid} on ${host} since ${since}`
  return new LogError('DIRECTORY_IN_USE', `${root} is held by ${who}`, { directory: root, pid, host, since })
}

export function identityOf(stats: fs.Stats): string {
  return `${stats.dev}:${stats.ino}`
}
