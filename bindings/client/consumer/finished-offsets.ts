interface OffsetRange {
  from: number
  readonly to: number
}

/**
 * Which of a partition's delivered records are finished. A record is finished when its iteration asked for the next
 * one, or when it, its batch or a later record was passed to `commit`. The record at which an iteration ended stays
 * unfinished, however far later iterations come.
 */
export class FinishedOffsets {
  /** Records that were handed out last: nobody has asked for the next one yet. */
  #current: OffsetRange | undefined
  /** Unfinished records of ended iterations, in offset order. */
  readonly #unfinished: OffsetRange[] = []

  /** The first offset that was delivered and isn't finished. */
  get unfinishedOffset(): number | undefined {
    return (this.#unfinished[0] ?? this.#current)?.from
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
    if (this.#current !== undefined) this.#unfinished.push(this.#current)
    this.#current = undefined
  }

  /** The program passed it to `commit`: all delivered records below are finished. */
  committed(nextOffset: number): void {
    const kept = this.#unfinished.findIndex((range) => range.to > nextOffset)
    this.#unfinished.splice(0, kept < 0 ? this.#unfinished.length : kept)
    // Of those that are kept only the first one may begin below.
    for (const range of [this.#unfinished[0], this.#current]) {
      if (range !== undefined) range.from = Math.max(range.from, Math.min(nextOffset, range.to))
    }
    if (this.#current !== undefined && this.#current.from >= this.#current.to) this.#current = undefined
  }
}
