import { readFileSync } from 'node:fs'

/** Nanoseconds on a processor, nanoseconds of waiting for one, time slices: of the thread that reads it. */
const SCHEDULER_STATISTICS = '/proc/thread-self/schedstat'

/**
 * How long this thread has waited for a processor since it began; `undefined` where the system's kernel doesn't count
 * it.
 */
export function processorWaitMs(): number | undefined {
  try {
    const [ranNs, waitedNs] = readFileSync(SCHEDULER_STATISTICS, 'latin1').split(' ').map(Number)
    // A system that doesn't count has zeros there.
    if (ranNs === undefined || waitedNs === undefined || !(ranNs > 0)) return undefined
    return waitedNs / 1e6
  } catch {
    return undefined
  }
}
