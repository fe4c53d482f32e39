interface OffsetRange {
  from: number
  readonly to: number
}

/**
 * What of a partition's delivered records is finished: a record whose iteration asked for the next one, or that was itself,
 * by its batch or by a later record, passed to `commit`. An iteration that ends at a record leaves it unfinished for good,
 * however far later iterations come.
 */
export class FinishedOffsets {
  /** Handed out, and nobody asked for the next one yet. */
  #current: OffsetRange | undefined
  /** In offset order. */
  #left: OffsetRange[] = []

  /** The first offset that was delivered and isn't finished. */
  get unfinishedOffset(): number | undefined {
    return (this.#left[0] ?? this.#current)?.from
  }

  delivered(from: number, to: number): void {
    this.#current = { from, to }
  }

  /** The iteration asked for what follows. */
  askedNext(): void {
    this.#current = undefined
  }

  /** The iteration ended without asking for what follows. */
  ended(): void {
    if (this.#current !== undefined) this.#left.push(this.#current)
    this.#current = undefined
  }

  /** The program said so: all delivered records below. */
  committed(nextOffset: number): void {
    this.#left = this.#left.filter((range) => range.to > nextOffset)
    for (const range of [...this.#left, this.#current]) {
      if (range !== undefined) range.from = Math.max(range.from, Math.min(nextOffset, range.to))
    }
    if (this.#current !== undefined && this.#current.from >= this.#current.to) this.#current = undefined
  }
}
