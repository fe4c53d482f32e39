/** The last millisecond of a Date. */
const LATEST_MS = 8_640_000_000_000_000
let lastMs = 0

/**
 * The platform's clock in whole milliseconds. Fake clocks of tests and polyfills may give fractions or no number at
 * all, which no field of a file can hold: then the last time is used.
 */
export function wallClockMs(): number {
  const nowMs = Math.floor(Date.now())
  if (nowMs >= 0 && nowMs <= LATEST_MS) lastMs = nowMs
  return lastMs
}
