/** Names of rare paths that were taken: a run that never got there proves nothing about them. */
export class Marks {
  readonly #counts = new Map<string, number>()

  mark(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** Those of `expected` that were hit less than `least` times. */
  missing(expected: readonly string[], least = 1): readonly string[] {
    return expected.filter((name) => this.count(name) < least)
  }

  summary(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  }
}
