import { InterruptibleWaits } from './interruptible-waits.ts'

/** What the iteration and the calls of a consumer wait for, and which of these waits ends when. */
export class ConsumerWaits {
  /** The member's waits for its group. While calls wait for a join, they go on though the iteration is over. */
  readonly ofMember: InterruptibleWaits
  /** The iteration's wait for a join, which goes on for other calls when the iteration ends. */
  readonly ofIteration: InterruptibleWaits
  /**
   * The waits for an outcome that comes into force, and for the handlers that are told of it. A close ends these waits
   * before the handlers are done: one of them may await an iteration of its own consumer, which waits for it.
   */
  readonly ofHandlers: InterruptibleWaits
  /** How many calls wait for the join besides the iteration. The iteration's end doesn't end their wait. */
  #callers = 0
  /** Returns whether the iteration was stopped or its signal aborted; `undefined` without an iteration. */
  #isOver: (() => boolean) | undefined
  #isClosed = false

  constructor(groupId: string) {
    const isClosed = () => this.#isClosed
    const isOver = () => this.#isOver?.() === true
    this.ofMember = new InterruptibleWaits(groupId, () => isClosed() || (isOver() && this.#callers === 0), isClosed)
    this.ofIteration = new InterruptibleWaits(groupId, () => isClosed() || (isOver() && this.#callers > 0), isClosed)
    this.ofHandlers = new InterruptibleWaits(groupId, isClosed, isClosed)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isIterated(): boolean {
    return this.#isOver !== undefined
  }

  /** `isOver` returns whether nobody waits for the iteration any more. */
  iterationBegan(isOver: () => boolean): void {
    this.#isOver = isOver
  }

  iterationEnded(): void {
    this.#isOver = undefined
  }

  /** Runs a call that waits for the join too. */
  async forCall<T>(call: () => Promise<T>): Promise<T> {
    this.#callers++
    try {
      return await call()
    } finally {
      this.#callers--
    }
  }

  /**
   * Ends the iteration's wait, while a join goes on for other calls; else, and after a close, ends the member's waits.
   * Returns whether it ended those.
   */
  interrupt(): boolean {
    if (this.#callers > 0 && !this.#isClosed) {
      this.ofIteration.interrupt()
      return false
    }
    this.ofMember.interrupt()
    return true
  }

  /** Ends all waits but the member's, which `interrupt` ends. From now on nothing waits. */
  close(): void {
    this.#isClosed = true
    this.ofIteration.interrupt()
    this.ofHandlers.interrupt()
  }
}
