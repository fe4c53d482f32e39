import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { LogError } from '../../../model/errors.ts'
import { lockFile } from '../../path.ts'

/** What a holder writes into the lock's file, for the error message of those who come second. It decides nothing. */
export interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
  /** Start of the process in ticks since boot, from /proc: tells a pid from its next owner. */
  readonly start: string
}

export function thisProcess(): Holder {
  const { pid } = process
  return { pid, host: hostname(), since: new Date().toISOString(), start: startOf(pid) }
}

/** A log must open on a full disk, to be read and to have topics deleted: so it is locked without a text as well. */
export function note(descriptor: number, text: string): void {
  try {
    fs.ftruncateSync(descriptor, 0)
    fs.writeSync(descriptor, text, 0)
  } catch {
    // The lock itself stands.
  }
}

/**
 * Reads who holds the lock. A holder writes that just after it took the lock, so a second opener may come before the
 * text, or find the text of a dead process: it looks again for a tenth of a second, and then reports what there is.
 */
export async function readHolder(descriptor: number): Promise<Partial<Holder>> {
  let holder: Partial<Holder> = {}
  for (let attempt = 0; attempt < 20; attempt++) {
    holder = readNote(descriptor)
    if (isAlive(holder)) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return holder
}

/**
 * The refusal that a try for the lock would meet, going only by what is noted: it names nobody if that process doesn't
 * live.
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

/** True for another host or container, of which nothing can be seen. */
function isAlive({ pid, host, start }: Partial<Holder>): boolean {
  return pid !== undefined && (host !== hostname() || startOf(pid) === start)
}

/** Empty for a text that no holder wrote, or has written only in part. */
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

export function inUse(root: string, { pid, host, since }: Partial<Holder>): LogError {
  const who = pid === undefined ? 'another process' : `process ${pid} on ${host} since ${since}`
  return new LogError('DIRECTORY_IN_USE', `${root} is held by ${who}`, { directory: root, pid, host, since })
}
