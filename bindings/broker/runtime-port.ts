import type { Codecs } from '../model/compression.ts'

/** What a runtime lends to the rooms that may not have it themselves: time, randomness, later. */
export interface RuntimePort {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Milliseconds since any moment before: they pass evenly, whatever is done to the wall clock. */
  elapsed(): number
  /** From 0 up to 1, as Math.random. */
  random(): number
  /**
   * Calls back once after `delayMs`; the answer cancels. Without `keepsAlive` a program that waits for nothing else may
   * end before: right for deadlines, wrong for what somebody sent and awaits.
   */
  setTimer(delayMs: number, callback: () => void, keepsAlive?: boolean): () => void
  /** What batches may be compressed with; none unless given. */
  readonly codecs?: Codecs | undefined
  /** Resolves once all of it can be used. */
  ready?(): Promise<void>
  /** Calls back after the events at hand were handled (a macrotask): what arrives together is handled together. */
  defer(callback: () => void): void
  /** Something that nobody asked for, and that whoever runs the program should know. */
  warn?(code: string, message: string): void
}
