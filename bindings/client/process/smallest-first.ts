/** Numbers of which the smallest is taken first: a binary heap. */
export class SmallestFirst {
  /** Each one is no greater than the two at twice its index plus one and plus two. */
  readonly #numbers: number[] = []

  get first(): number | undefined {
    return this.#numbers[0]
  }

  add(number: number): void {
    const numbers = this.#numbers
    let at = numbers.length
    for (let above = (at - 1) >> 1; at > 0 && (numbers[above] as number) > number; above = (at - 1) >> 1) {
      numbers[at] = numbers[above] as number
      at = above
    }
    numbers[at] = number
  }

  take(): number | undefined {
    const first = this.#numbers[0]
    const last = this.#numbers.pop()
    if (last !== undefined && this.#numbers.length > 0) this.#sink(last)
    return first
  }

  /** Puts the number where the first one was. */
  #sink(number: number): void {
    const numbers = this.#numbers
    let at = 0
    for (let below = 1; below < numbers.length; below = 2 * at + 1) {
      const right = numbers[below + 1]
      if (right !== undefined && right < (numbers[below] as number)) below++
      if ((numbers[below] as number) >= number) break
      numbers[at] = numbers[below] as number
      at = below
    }
    numbers[at] = number
  }
}
