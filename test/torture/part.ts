import type { Limits } from './limits.ts'

/** One line of the table at the end. */
export interface Row {
  readonly what: string
  readonly count: number
  /** What a long run should reach; without one any count above 0 does. */
  readonly goal?: number | undefined
  readonly note?: string | undefined
}

export interface Outcome {
  readonly rows: readonly Row[]
  /** What went wrong, each with the command that repeats it. */
  readonly failures: readonly string[]
}

/** Real faults of one kind. */
export interface Part {
  readonly name: string
  /** Its share of the minutes. */
  readonly weight: number
  /** What is missing here, and how to get it; `undefined` where it can run. */
  missing(): string | undefined
  run(limits: Limits): Promise<Outcome>
}
