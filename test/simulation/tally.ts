import type { Exploration } from '../../bindings/testkit/simulation/crash/exploration.ts'

/** What explorations came to, and what they cost. */
export class Tally {
  readonly #before = process.cpuUsage()
  #scenarios = 0
  #points = 0
  #images = 0
  #nested = 0
  #duplicates = 0
  #lookedAt = 0

  add({ points, images, nestedImages, duplicates, lookedAt }: Exploration): void {
    this.#scenarios++
    this.#points += points
    this.#images += images
    this.#nested += nestedImages
    this.#duplicates += duplicates
    this.#lookedAt += lookedAt
  }

  toString(): string {
    const { user, system } = process.cpuUsage(this.#before)
    const all = this.#images + this.#nested
    const perSecond = Math.round((all * 1e6) / (user + system))
    return (
      `${this.#scenarios} scenarios, ${this.#points} points, ${all} images, ${this.#nested} of them of recoveries crashed again: ` +
      `${this.#duplicates} judged before, ${all - this.#duplicates} opened, ${this.#lookedAt} of these looked at, ${perSecond} for each second of a core`
    )
  }
}
