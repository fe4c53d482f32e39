import { SingleBar } from 'cli-progress'
import { Marks } from '../../../bindings/testkit/simulation/crash/marks.ts'
import type { SwarmRun } from './swarm-run.ts'

/** From so many runs on every rare path has to have been taken. */
const ENOUGH_RUNS = 200

/** Paths of which few runs see any, and which nothing else shows to be reached here. */
const RARE = [
  'checkpoint',
  'segment rolled',
  'ring file taken',
  'takeover',
  'segment removed',
  'topic compacted',
  'table compacted',
  'compaction swap',
  'epoch overflow',
  'offsets of an earlier generation',
  'offsets of a member that was put out',
  'holder killed',
  'failed log',
  'full disk',
  'recovery: batches-replayed',
  'recovery: decision-replayed',
  'recovery: extent-replayed',
  'recovery: roll-again',
  'recovery: tail-cut',
  'recovery: frame-restated',
  'recovery: partition-untouched',
  'recovery: segments-below-start',
  'recovery: swap-dropped',
] as const

/** The same, from so many runs on. */
const MANY_RUNS = 1000
const RARER = ['recovery: swap-finished'] as const

/** What a swarm of runs saw, in whatever processes they were. */
export class SwarmReport {
  readonly #marks = new Marks()
  readonly #bar: SingleBar | undefined
  readonly #began: number = performance.now()
  #runs = 0
  #operations = 0
  #failed = 0
  #cpuMs = 0

  constructor(runs: number) {
    if (!process.stderr.isTTY || !Number.isFinite(runs)) return
    this.#bar = new SingleBar({ format: '{bar} {value} of {total} runs, {eta_formatted} left', stream: process.stderr })
    this.#bar.start(runs, 0)
  }

  add(run: SwarmRun): void {
    const { kind, outcome, recovered, cpuMs } = run
    this.#runs++
    this.#cpuMs += cpuMs
    this.#operations += outcome.operationCount
    this.#marks.mark(`program: ${kind}`)
    for (const [name, count] of [...outcome.happened, ...outcome.rare]) this.#marks.mark(name, count)
    for (const [mark, count] of recovered) this.#marks.mark(`recovery: ${mark}`, count)
    for (const [code, count] of outcome.told) this.#marks.mark(`told: ${code}`, count)
    this.#marks.mark('failed log', outcome.failedLogs)
    if (outcome.wrong.length > 0) this.#fail(run)
    this.#bar?.update(this.#runs)
  }

  #fail({ seed, outcome, needed = [] }: SwarmRun): void {
    this.#failed++
    const events = needed.join(',') || 'none'
    console.log(`\nnode --import tsx test/simulation/swarm.ts --seed ${seed} --runs 1 --events ${events}`)
    for (const what of outcome.wrong.slice(0, 5)) console.log(`  ${what}`)
  }

  /** Prints all of it; false when something went wrong, a rare path was never taken, or nothing was run. */
  end(): boolean {
    this.#bar?.stop()
    const perHour = Math.round((this.#runs / (performance.now() - this.#began)) * 3_600_000)
    const perSecond = ((this.#runs / this.#cpuMs) * 1000).toFixed(1)
    console.log(
      `${this.#runs} runs (${perHour} an hour, ${perSecond} for each second of a core), ` +
        `${this.#operations} sends and transactions, ${this.#failed} failed`,
    )
    for (const each of this.#marks.summary().split(', ')) console.log(`  ${each}`)
    const wanted = [...(this.#runs < ENOUGH_RUNS ? [] : RARE), ...(this.#runs < MANY_RUNS ? [] : RARER)]
    const missing = this.#marks.missing(wanted)
    for (const name of missing) console.log(`never: ${name}`)
    return this.#runs > 0 && this.#failed === 0 && missing.length === 0
  }
}
