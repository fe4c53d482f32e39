import { RARE_STEPS, STEPS, type Step } from './victim/steps.ts'

/** Where the ends fell. */
export class Histogram {
  readonly #counts = new Map<Step, number>()

  add(step: Step): void {
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1)
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** How many of them fell into work that is rare. */
  get rare(): number {
    return RARE_STEPS.reduce((sum, step) => sum + (this.#counts.get(step) ?? 0), 0)
  }

  /** Rare work that none of them fell into. */
  get missing(): readonly Step[] {
    return RARE_STEPS.filter((step) => !this.#counts.has(step))
  }

  toString(): string {
    return STEPS.map((step) => `${step} ${this.#counts.get(step) ?? 0}`).join(', ')
  }
}
