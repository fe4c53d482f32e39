/** What a runtime lends to the rooms that may not have it themselves: time, randomness, later. */
export interface RuntimePort {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** From 0 up to 1, as Math.random. */
  random(): number
  /** Calls back once after `delayMs`; the answer cancels. */
  setTimer(delayMs: number, callback: () => void): () => void
  /** Calls back after the events at hand were handled (a macrotask): what arrives together is handled together. */
  defer(callback: () => void): void
}
