import { getRandomValues } from 'node:crypto'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { loadCodecs, nodeCodecs } from './node-codecs.ts'
import { wallClockMs } from './wall-clock.ts'

/** Time, randomness and timers of Node, Deno and Bun. */
export const nodePort: RuntimePort = {
  now: wallClockMs,
  elapsed: () => performance.now(),
  random,
  setTimer(delayMs, callback, options) {
    const timer = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff))
    if (options?.keepsAlive !== true) timer.unref()
    return () => clearTimeout(timer)
  },
  codecs: nodeCodecs,
  ready: loadCodecs,
  defer(callback) {
    setImmediate(callback)
  },
  warn(code, message) {
    process.emitWarning(message, { type: 'OncelogWarning', code })
  },
}

/**
 * From the system: `Math.random` draws the same numbers at each start of a program that is given a seed for them
 * (`node --random-seed`), and so each start would give its topics the ids of those before.
 */
function random(): number {
  const [high = 0, low = 0] = getRandomValues(new Uint32Array(2))
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}
