import type { Log } from '../../client/log.ts'
import { LogError } from '../node.ts'

/** A log that another process holds, see Broker. */
export interface HeldLog extends Log {
  whileAnswered<T>(work: Promise<T>): Promise<T>
}

/**
 * Runs `work` on the log and closes it. Where its holder goes away or gives no sign of life before the work is done,
 * `otherwise` does it, once the work has ended with the log: what it shows by then isn't shown by both.
 */
export async function throughHolder<L extends HeldLog, T>(
  log: L,
  work: (log: L) => Promise<T>,
  otherwise: () => Promise<T>,
): Promise<T> {
  const working = work(log)
  try {
    return await using(log, () => log.whileAnswered(working))
  } catch (error) {
    if (!isHolderGone(error)) throw error
  }
  try {
    return await working
  } catch (error) {
    if (!isHolderGone(error)) throw error
    return otherwise()
  }
}

/** Whether an attached log ended because its holder did, or gave no sign of life. */
export function isHolderGone(error: unknown): boolean {
  return LogError.is(error, 'LOG_CLOSED', 'NETWORK_EXCEPTION')
}

/** Runs `work` on the log, and closes it. */
export async function using<L extends Log, T>(log: L, work: (log: L) => Promise<T>): Promise<T> {
  try {
    return await work(log)
  } finally {
    await log.close()
  }
}
