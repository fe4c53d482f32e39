import { type Fuzzed, fuzz } from './fuzz.ts'
import type { FuzzTarget } from './target.ts'
import type { Watchdog } from './watchdog.ts'

/** Garbage and pools included, above what the process had before: no input asks for more. */
export const GROWTH_MAX_BYTES: number = 384 * 1024 * 1024

/** What was tried of each target, what it cost, and how much memory the process had at most. */
export class Tally {
  readonly #rows = new Map<string, { cases: number; refused: number; ms: number }>()
  readonly #startBytes = peakBytes()
  #watchdog: Watchdog | undefined

  constructor(watchdog?: Watchdog) {
    this.#watchdog = watchdog
  }

  get cases(): number {
    return [...this.#rows.values()].reduce((sum, { cases }) => sum + cases, 0)
  }

  async run(target: FuzzTarget, seed: number, cases: number, from = 0): Promise<Fuzzed> {
    const begun = process.cpuUsage()
    const fuzzed = await fuzz(target, { seed, from, cases, watchdog: this.#watchdog })
    const { user, system } = process.cpuUsage(begun)
    const row = this.#rows.get(target.name) ?? { cases: 0, refused: 0, ms: 0 }
    row.cases += fuzzed.cases
    row.refused += fuzzed.refused
    row.ms += (user + system) / 1000
    this.#rows.set(target.name, row)
    return fuzzed
  }

  /** What the peak of the process grew by. */
  get grownBytes(): number {
    return peakBytes() - this.#startBytes
  }

  print(): void {
    const table = [...this.#rows].map(([name, { cases, refused, ms }]) => {
      return {
        target: name,
        cases,
        refused,
        'CPU s': round(ms / 1000),
        'cases/s of CPU': Math.round((cases / ms) * 1000),
      }
    })
    for (const row of table) console.log(JSON.stringify(row))
    const seconds = [...this.#rows.values()].reduce((sum, { ms }) => sum + ms / 1000, 0)
    console.log(
      `COUNTED: ${this.cases} fuzz cases in ${round(seconds)} s of CPU, ${Math.round(this.cases / seconds)} a second; ` +
        `memory grew by ${Math.round(this.grownBytes / 2 ** 20)} of ${GROWTH_MAX_BYTES / 2 ** 20} MiB at most`,
    )
  }
}

function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
