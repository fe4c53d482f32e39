import type { Step } from './steps.ts'

/** In which moment of an operation. `torn`: half of what it writes is written. */
export const MOMENTS = ['before', 'torn', 'during', 'after'] as const
export type Moment = (typeof MOMENTS)[number]

/** Where a victim ends by itself. */
export interface AimAt {
  readonly step: Step
  /** How many operations of this step go before. */
  readonly skip: number
  readonly moment: Moment
}

/** What a victim is told at its start, as JSON. */
export interface VictimSpec {
  readonly directory: string
  /** What was acknowledged to it is written here, a line each, at once. */
  readonly ledger: string
  /** What it is at stands here. */
  readonly mark: string
  /** Its own among all victims of the directory. */
  readonly name: string
  /** Its place among those that run at once: keys and transactional ids go with it. */
  readonly slot: number
  readonly seed: number
  /** The log was closed before, or there is none: it has nothing to recover. */
  readonly isClean: boolean
  readonly aim?: AimAt | undefined
  /**
   * At its aim it kills itself, or says that it is there and waits for a word on its standard input; without one it
   * dies too.
   */
  readonly atAim: 'kill' | 'wait'
  /** Closes the log after so long, and ends. */
  readonly closeAfterMs?: number | undefined
  /** Its wall clock is set to and fro while it runs. */
  readonly isJumping?: boolean | undefined
  /** Fills the topic `ballast` with so much first; whoever finds no room for something deletes it. */
  readonly ballastBytes?: number | undefined
}
