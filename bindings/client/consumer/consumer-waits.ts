import { InterruptibleWaits } from './interruptible-waits.ts'

/** What the iteration and the calls of a consumer wait for, and which of these waits ends when. */
export class ConsumerWaits {
  /** Those of the member for its group, also while a join goes on for calls whose iteration is over. */
  readonly ofMember: InterruptibleWaits = new InterruptibleWaits(
    () => this.#isClosed || (this.#isOver?.() === true && this.#callers === 0),
    () => this.#isClosed,
  )
  /** That of the iteration for a join, which goes on for others. */
  readonly ofIteration: InterruptibleWaits = new InterruptibleWaits(
    () => this.#isClosed || (this.#isOver?.() === true && this.#callers > 0),
    () => this.#isClosed,
  )
  /**
   * Those for an outcome that comes into force, and for the handlers that are told of it. A close ends them before these
   * are done: one of them may await an iteration of its own consumer, which waits for it.
   */
  readonly ofHandlers: InterruptibleWaits = new InterruptibleWaits(
    () => this.#isClosed,
    () => this.#isClosed,
  )
  /** Calls that wait for the join besides the iteration: they don't hear of its end. */
  #callers = 0
  /** Of the iteration: it was stopped, or its signal aborted. `undefined` without one. */
  #isOver: (() => boolean) | undefined
  #isClosed = false

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isIterated(): boolean {
    return this.#isOver !== undefined
  }

  /** `isOver`: nobody waits for the iteration any more. */
  iterationBegan(isOver: () => boolean): void {
    this.#isOver = isOver
  }

  iterationEnded(): void {
    this.#isOver = undefined
  }

  /** `call` waits for the join too. */
  async forCall<T>(call: () => Promise<T>): Promise<T> {
    this.#callers++
    try {
      return await call()
    } finally {
      this.#callers--
    }
  }

  /** Ends those of the iteration; with nobody else, or a close, those of the member. Answers whether it ended these. */
  interrupt(): boolean {
    if (this.#callers > 0 && !this.#isClosed) {
      this.ofIteration.interrupt()
      return false
    }
    this.ofMember.interrupt()
    return true
  }

  /** From now on nobody waits; those of the member are for `interrupt` to end. */
  close(): void {
    this.#isClosed = true
    this.ofIteration.interrupt()
    this.ofHandlers.interrupt()
  }
}
