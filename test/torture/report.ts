import { Histogram } from './histogram.ts'
import type { Limits } from './limits.ts'
import type { Outcome, Row } from './part.ts'
import type { Step } from './victim/steps.ts'

/** Of all ends, how many fall into rare work at the least. */
const RARE_SHARE = 0.2
/** Of fewer it says nothing. */
const RARE_FROM = 20

/** What many directories and processes came to: how often they were ended, where, and what was told and found. */
export class Report {
  readonly failures: string[] = []
  readonly #histogram = new Histogram()
  readonly #totals = new Map<string, number>()
  readonly #refusals = new Map<string, number>()
  readonly #takeoversMs: number[] = []

  /** Kills, or cuts. */
  get ends(): number {
    return this.#histogram.total
  }

  ended(step: Step): void {
    this.#histogram.add(step)
  }

  goesOn({ endMs, cyclesMax }: Limits): boolean {
    return this.failures.length === 0 && this.ends < cyclesMax && performance.now() < endMs
  }

  count(counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) this.#totals.set(name, (this.#totals.get(name) ?? 0) + count)
  }

  refused(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
  }

  tookOver(afterMs: number): void {
    this.#takeoversMs.push(afterMs)
  }

  /** `what` they are; rows of counts follow. Those that nothing aims may all fall elsewhere. */
  outcome(what: string, goal: number, isAimed = true): Outcome {
    const { rare } = this.#histogram
    const failures = [...this.failures]
    if (isAimed && this.ends >= RARE_FROM && rare < this.ends * RARE_SHARE)
      failures.push(`only ${rare} of ${this.ends} ${what} fell into rare work`)
    const refusals = [...this.#refusals].map(([code, count]) => `${code} ${count}`).join(', ')
    const rows: Row[] = [
      { what, count: this.ends, goal, note: String(this.#histogram) },
      { what: 'of them in rare work', count: rare, note: refusals === '' ? undefined : `calls refused: ${refusals}` },
      ...[...this.#totals].map(([name, count]) => ({ what: name, count })),
    ]
    if (this.#takeoversMs.length > 0) rows.push(this.#takeovers())
    return { rows, failures }
  }

  #takeovers(): Row {
    const sorted = [...this.#takeoversMs].sort((a, b) => a - b).map(Math.round)
    const note = `ms until another one acknowledged: median ${sorted[sorted.length >> 1]}, longest ${sorted.at(-1)}`
    return { what: 'holders killed from outside', count: sorted.length, note }
  }
}
