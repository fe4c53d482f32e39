import { existsSync } from 'node:fs'
import type { Log } from '../../client/log.ts'
import { openAttached } from '../embedded/attached-log.ts'
import { type EmbeddedLog, openLog } from '../embedded/embedded-log.ts'
import { nodePort } from '../embedded/node-port.ts'
import { LogError, open } from '../node.ts'
import { DirectoryImage } from './directory-image.ts'

const ATTEMPTS = 5

/** Runs `work` on the log as its holder: it may write. */
export async function withLog<T>(directory: string, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  assertDirectory(directory)
  return using(await open(directory), work)
}

/** Runs `work` on an image of the directory: nothing is written, nobody is kept out, and a holder may go on beside it. */
export async function withImage<T>(directory: string, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  assertDirectory(directory)
  return using(await openImage(directory), work)
}

/**
 * Runs `work`, which only looks, on the log as its holder has it at this moment: what lives in a process, members and open
 * transactions, is seen as well. Where nobody holds it, on an image.
 */
export async function withView<T>(directory: string, work: (log: Log) => Promise<T>): Promise<T> {
  assertDirectory(directory)
  return using((await openAttached(directory, nodePort)) ?? (await openImage(directory)), work)
}

/** A holder that goes on writing can move under the first look: what is damaged stays so. */
async function openImage(directory: string): Promise<EmbeddedLog> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === ATTEMPTS
    try {
      const log = await openLog(new DirectoryImage(directory), nodePort)
      if (isLast || log.recovery.damage.length === 0) return log
      await log.close()
    } catch (error) {
      if (isLast || !LogError.is(error) || error.category !== 'corruption') throw error
    }
  }
}

async function using<L extends Log, T>(log: L, work: (log: L) => Promise<T>): Promise<T> {
  try {
    return await work(log)
  } finally {
    await log.close()
  }
}

/** Only `topics create` makes a directory: a slip in its name would show an empty log. */
export function assertDirectory(directory: string): void {
  if (existsSync(directory)) return
  throw new LogError('INVALID_REQUEST', `there is no directory ${directory}: name the log's with --dir`, { directory })
}
