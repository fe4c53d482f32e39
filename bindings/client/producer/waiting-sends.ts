import type { Abortable } from '../signals.ts'
import type { PendingSend } from './pending-send.ts'
import { WaitingSend } from './waiting-send.ts'

/** So many sends that had their turn stay in the list at most, beside as many as wait. */
const PASSED_MAX = 1024

/**
 * Sends that can't begin yet, because session, topic or buffer space is missing. Each begins after the one before, so
 * that calls keep their order. Hot path: a program may send a hundred thousand records before its producer is open.
 */
export class WaitingSends {
  /** In the order of the calls; the first `#passed` of them have had their turn. */
  #sends: WaitingSend[] = []
  #passed = 0
  readonly #goOn = (): void => {
    this.#pass()
    this.#takeTurns()
  }

  get isEmpty(): boolean {
    return this.#sends.length === 0
  }

  /** Resolves once all that wait now have had their turn; `undefined` if none waits. */
  get lastTurn(): Promise<unknown> | undefined {
    return this.#sends.at(-1)?.turn
  }

  /**
   * Calls `begin` when the turn of this send has come; it returns a promise where it must wait. If it fails, or the
   * signal aborts before, the send is refused, and those after it have their turn.
   */
  add(send: PendingSend, begin: () => Promise<void> | undefined, signal: Abortable['signal']): void {
    this.#sends.push(new WaitingSend(send, begin, signal))
    if (this.#sends.length === 1) this.#takeTurns()
  }

  #takeTurns(): void {
    for (let next = this.#sends[this.#passed]; next !== undefined; next = this.#sends[this.#passed]) {
      const waits = next.takeTurn()
      if (waits !== undefined) {
        waits.then(this.#goOn, this.#goOn)
        return
      }
      this.#pass()
    }
    this.#sends = []
    this.#passed = 0
  }

  #pass(): void {
    this.#passed++
    if (this.#passed < PASSED_MAX || this.#passed * 2 < this.#sends.length) return
    this.#sends.splice(0, this.#passed)
    this.#passed = 0
  }

  /** For each send that waits now, its answer; of one that fails before it begins, nothing. */
  answers(): readonly Promise<unknown>[] {
    return this.#sends.slice(this.#passed).map((each) => each.answerOnceBegun)
  }
}
