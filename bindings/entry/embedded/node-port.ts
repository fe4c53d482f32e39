import type { RuntimePort } from '../../broker/runtime-port.ts'
import { loadCodecs, nodeCodecs } from './node-codecs.ts'
import { wallClockMs } from './wall-clock.ts'

/** Time, randomness and timers of Node, Deno and Bun. */
export const nodePort: RuntimePort = {
  now: wallClockMs,
  elapsed: () => performance.now(),
  random: () => Math.random(),
  setTimer(delayMs, callback, keepsAlive = false) {
    const timer = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff))
    if (!keepsAlive) timer.unref()
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
