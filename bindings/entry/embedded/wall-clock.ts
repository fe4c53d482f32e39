/** As far as a Date reaches. */
const LATEST_MS = 8_640_000_000_000_000
let lastMs = 0

/**
 * The platform's clock in whole milliseconds. Tests and polyfills put others in its place, with fractions or with no time at all,
 * which no field of a file can hold: then the last time stands.
 */
export function wallClockMs(): number {
  const nowMs = Math.floor(Date.now())
  if (nowMs >= 0 && nowMs <= LATEST_MS) lastMs = nowMs
  return lastMs
}
