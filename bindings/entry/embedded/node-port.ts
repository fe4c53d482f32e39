import type { RuntimePort } from '../../broker/port.ts'

/** Time, randomness and later, as Node, Deno and Bun have them. A waiting timer keeps no program alive. */
export const nodePort: RuntimePort = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff))
    timer.unref()
    return () => clearTimeout(timer)
  },
  defer(callback) {
    setImmediate(callback)
  },
}
