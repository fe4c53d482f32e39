import type { Codecs } from '../model/compression.ts'
import type { Timers } from '../model/timers.ts'

/** What a runtime lends to the folders that may not use it themselves: time, randomness, timers. */
export interface RuntimePort extends Timers {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Milliseconds since some moment before: they pass evenly, whatever is done to the wall clock. */
  elapsed(): number
  /** From 0 up to 1, as Math.random. */
  random(): number
  /** Codecs for batches; none by default. */
  readonly codecs?: Codecs | undefined
  /** Resolves once the codecs can be used. */
  ready?(): Promise<void>
  /** Calls back after the events at hand were handled (a macrotask): what arrives together is handled together. */
  defer(callback: () => void): void
  /** Warns the user of the program of something that no call would report. */
  warn?(code: string, message: string): void
}
