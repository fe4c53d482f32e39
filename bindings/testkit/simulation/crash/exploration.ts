import type { Client } from './client.ts'
import type { Marks } from './marks.ts'

export interface Scenario {
  readonly name: string
  /** Rules of docs/durability.md that it exercises. */
  readonly rules: readonly number[]
  /** Its disk fails or is full: a fault from outside would take the place of that. */
  readonly failsDisk?: true | undefined
  readonly run: (client: Client) => void
}

export interface ExploreOptions {
  readonly seed: number
  /** Per crash point of the scenario itself: none, all, kill, torn, then seeded mixes of sectors. */
  readonly images?: number | undefined
  /** The chance that an operation of the scenario is a crash point; all are without it. */
  readonly pointChance?: number | undefined
  /** How deep recovery itself is crashed, and the chance that a point of it is, by depth. */
  readonly nestedChances?: readonly number[] | undefined
  /**
   * Every image is opened and looked at. What clients do afterwards is run for the first of those images whose opening
   * took the same branches and left clients with the same kinds of knowledge, and for the others with this chance;
   * without it for all.
   */
  readonly lifeChance?: number | undefined
  /** Images in all; what lies deeper is left out first. */
  readonly budget?: number | undefined
  /**
   * What was judged already, by storage and model: shared between scenarios of one system, it saves judging their
   * common beginning again.
   */
  readonly judged?: Set<string> | undefined
  /** Follows one path only: `point.image/point.image`. */
  readonly only?: string | undefined
  readonly marks?: Marks | undefined
  /** No more points from now on: the time is up. */
  readonly isOver?: (() => boolean) | undefined
  /** Enough to know that it fails. */
  readonly stopAtFirst?: boolean | undefined
  /** Judges only by what clients see. */
  readonly ignoreMonitor?: boolean | undefined
}

export interface Failure {
  readonly scenario: string
  readonly seed: number
  /** Points and images from the scenario down; '' when it failed without a crash. */
  readonly at: string
  readonly modes: string
  readonly violations: readonly string[]
}

export interface Exploration {
  readonly scenario: string
  readonly points: number
  readonly images: number
  readonly nestedImages: number
  /** Of these: the same disk and the same promises as an image that was judged before. */
  readonly duplicates: number
  /** Of the others: opened and looked at only, because another image in the same state was used further. */
  readonly lookedAt: number
  readonly failedImages: number
  /** Every operation of every run, and what the judge said. */
  readonly hash: string
  /** The first few, the shallowest first. */
  readonly failures: readonly Failure[]
  /** How often each rule of the write-order table was asked. */
  readonly checked: ReadonlyMap<string, number>
}

/** What broke, and the command that repeats it. */
export function describeFailure(system: string, failure: Failure): string {
  const { scenario, seed, at, modes, violations } = failure
  const place = at === '' ? 'without a crash' : `at ${at} (${modes})`
  const command = `node test/runner/bundles/start.mjs test/simulation/replay.test.ts ${system} '${scenario}' ${seed}${at === '' ? '' : ` ${at}`}`
  return [
    `${scenario}, seed ${seed}, ${place}:`,
    ...violations.slice(0, 4).map((text) => `  ${text}`),
    `  ${command}`,
  ].join('\n')
}
