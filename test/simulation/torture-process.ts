// One of the processes of torture.ts.
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure, type Exploration } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { describeDiskError, tryDiskErrors } from './disk-errors.ts'
import { work } from './processes.ts'

export interface TortureJob {
  readonly seed: number
  /** Of the scenario. */
  readonly name: string
  /** As `Date.now()` counts. */
  readonly endMs: number
}

export interface TortureAnswer {
  readonly found: Exploration
  /** The time was up before it was through. */
  readonly isCutShort: boolean
  readonly diskErrors: number
  readonly failed: number
  /** The first few, with the commands that repeat them. */
  readonly failures: readonly string[]
  /** Branches of recovery. */
  readonly taken: ReadonlyMap<string, number>
  readonly cpuMs: number
}

/** Every n-th operation of a scenario fails in a round: which ones differs from seed to seed. */
const DISK_ERROR_STEP = 7
const FAILURES_SHOWN = 3
/** Rounds take turns: every crash point with few recoveries crashed again, and few points with recoveries four deep. */
const WIDE = { nestedChances: [0.05, 0.03] }
const DEEP = { pointChance: 0.06, images: 8, nestedChances: [0.25, 0.25, 0.2], budget: 6000 }

/** Images of one seed; those of another one are of other orders of effects. */
let judged = { seed: 0, images: new Set<string>() }

work(({ seed, name, endMs }: TortureJob): TortureAnswer => {
  const scenario = SCENARIOS.find((each) => each.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  if (judged.seed !== seed) judged = { seed, images: new Set() }
  const before = process.cpuUsage()
  const marks = new Marks()
  const isOver = (): boolean => Date.now() > endMs
  const options = { seed, marks, judged: judged.images, isOver, ...(seed % 2 === 0 ? DEEP : WIDE) }
  const found = new Enumerator(engineSystem, scenario, options).explore()
  const { user, system } = process.cpuUsage(before)
  const isCutShort = isOver()
  const failing = isCutShort ? undefined : tryDiskErrors(scenario, seed, DISK_ERROR_STEP)
  const failures = [
    ...found.failures.slice(0, FAILURES_SHOWN).map((each) => describeFailure(engineSystem.name, each)),
    ...(failing?.failures ?? []).slice(0, FAILURES_SHOWN).map(describeDiskError),
  ]
  const failed = found.failedImages + (failing?.failures.length ?? 0)
  return {
    found,
    isCutShort,
    diskErrors: failing?.struck ?? 0,
    failed,
    failures,
    taken: marks.counts,
    cpuMs: (user + system) / 1000,
  }
})
