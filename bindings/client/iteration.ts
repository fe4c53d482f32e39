/** What an iteration takes its items from. */
export interface ItemSource<T> {
  /** The next item, if it is in memory; otherwise call `more`. */
  take(): T | undefined
  /** Waits until `take` has something; false at the end. */
  more(): Promise<boolean>
  /** The program left the iteration while `more` waits: `more` must resolve with false soon. */
  stop(): void
  /** The iteration is over, however it ended. Called once. */
  end(): Promise<void>
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * Iterates a source. An item that is in memory costs one promise and one turn of the microtask queue, a third of what
 * an async generator's `yield` costs. Calls are answered in their order, as a generator does.
 */
export class Iteration<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #source: ItemSource<T>
  #isOver = false
  /** The newest call that isn't answered yet. */
  #unanswered: Promise<unknown> | undefined

  constructor(source: ItemSource<T>) {
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#unanswered !== undefined || this.#isOver) return this.#inTurn(() => this.#next())
    let value: T | undefined
    try {
      value = this.#source.take()
    } catch (error) {
      return this.#inTurn(() => this.#failed(error))
    }
    return value === undefined ? this.#inTurn(() => this.#next()) : Promise.resolve({ done: false, value })
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    // What waits after its end is the next iteration's.
    if (!this.#isOver) this.#source.stop()
    return this.#inTurn(() => this.#end())
  }

  #inTurn<R>(answer: () => Promise<R>): Promise<R> {
    const answered = this.#unanswered === undefined ? answer() : this.#unanswered.then(answer, answer)
    this.#unanswered = answered
    const settled = () => {
      if (this.#unanswered === answered) this.#unanswered = undefined
    }
    answered.then(settled, settled)
    return answered
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    try {
      while (!this.#isOver) {
        const value = this.#source.take()
        if (value !== undefined) return { done: false, value }
        if (!(await this.#source.more())) break
      }
    } catch (error) {
      return this.#failed(error)
    }
    return this.#end()
  }

  async #failed(error: unknown): Promise<never> {
    await this.#end()
    throw error
  }

  async #end(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#isOver) {
      this.#isOver = true
      await this.#source.end()
    }
    return DONE
  }
}
