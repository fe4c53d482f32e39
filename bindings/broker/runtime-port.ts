import type { Codecs } from '../model/compression.ts'

/** What a runtime lends to the folders that may not use it themselves: time, randomness, timers. */
export interface RuntimePort {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Milliseconds since some moment before: they pass evenly, whatever is done to the wall clock. */
  elapsed(): number
  /** From 0 up to 1, as Math.random. */
  random(): number
  /**
   * Calls back once after `delayMs`; the returned function cancels it. Without `keepsAlive` a program that waits for
   * nothing else may end before: right for deadlines, wrong for something that was sent and is awaited.
   */
  setTimer(delayMs: number, callback: () => void, keepsAlive?: boolean): () => void
  /** Codecs for batches; none by default. */
  readonly codecs?: Codecs | undefined
  /** Resolves once the codecs can be used. */
  ready?(): Promise<void>
  /** Calls back after the events at hand were handled (a macrotask): what arrives together is handled together. */
  defer(callback: () => void): void
  /** Warns the user of the program of something that no call would report. */
  warn?(code: string, message: string): void
}
