import type { Verdict } from './verdict.ts'

export interface Job {
  readonly path: string
  /** Keeps a core busy. */
  readonly heavy: boolean
  /** Runs in a process that ran others before it and goes on with the next one. */
  readonly sharesProcess: boolean
  readonly timeoutMs: number
}

export interface Result extends Verdict {
  readonly path: string
  readonly output: string
  readonly durationMs: number
}
