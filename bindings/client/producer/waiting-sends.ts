import { type Abortable, abortable } from '../signals.ts'
import type { PendingSend } from './pending-send.ts'

/**
 * Sends that can't begin yet, because session, topic or buffer space is missing. Each begins after the one before, so
 * that calls keep their order.
 */
export class WaitingSends {
  #last: Promise<void> | undefined
  /** Each promise resolves with its send once that has begun, or with `undefined` if it fails before. */
  readonly #sends = new Set<Promise<PendingSend | undefined>>()

  /** Resolves once all that wait now have had their turn; `undefined` if none waits. */
  get last(): Promise<void> | undefined {
    return this.#last
  }

  /** Calls `begin` when the turn of this send has come. */
  async inTurn(begin: () => Promise<PendingSend>, signal: Abortable['signal']): Promise<PendingSend> {
    const before = this.#last ?? Promise.resolve()
    let leave: (begun: PendingSend | undefined) => void = () => {}
    const left = new Promise<PendingSend | undefined>((resolve) => {
      leave = resolve
    })
    // This holds too if this send's wait is aborted: sends queued after it must not overtake those before it.
    const turn = Promise.all([before, left]).then(() => {
      this.#sends.delete(left)
      if (this.#last === turn) this.#last = undefined
    })
    this.#last = turn
    this.#sends.add(left)
    let begun: PendingSend | undefined
    try {
      await abortable(before, signal)
      begun = await begin()
      return begun
    } finally {
      leave(begun)
    }
  }

  /** Returns, for each send that waits now, the promise of its answer. */
  answers(): readonly Promise<unknown>[] {
    return Array.from(this.#sends, (each) => each.then((send) => send?.answered))
  }
}
