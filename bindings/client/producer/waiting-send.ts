import { type Abortable, abortReason, offAbort, onAbort } from '../signals.ts'
import type { PendingSend } from './pending-send.ts'

/** One send that waits for its turn. Hot path: it makes a promise only for who asks. */
export class WaitingSend {
  readonly #send: PendingSend
  readonly #begin: () => Promise<void> | undefined
  readonly #signal: Abortable['signal']
  readonly #giveUp: (() => void) | undefined
  #isRefused = false
  /** Whether it has begun, or failed before; `undefined` until its turn is over. */
  #begun: boolean | undefined
  #tell: ((begun: boolean) => void) | undefined
  #turn: Promise<boolean> | undefined

  constructor(send: PendingSend, begin: () => Promise<void> | undefined, signal: Abortable['signal']) {
    this.#send = send
    this.#begin = begin
    this.#signal = signal
    if (signal === undefined) return
    this.#giveUp = () => this.#refuse(abortReason(signal))
    onAbort(signal, this.#giveUp)
  }

  /**
   * Resolves when its turn is over, with whether it has begun. It stays the first of those that wait for a moment after
   * that, in which it may be asked too.
   */
  get turn(): Promise<boolean> {
    this.#turn ??= new Promise((resolve) => {
      if (this.#begun === undefined) this.#tell = resolve
      else resolve(this.#begun)
    })
    return this.#turn
  }

  /** The send's answer, once it has begun; nothing if it fails before. */
  get answerOnceBegun(): Promise<unknown> {
    return this.turn.then((begun) => (begun ? this.#send.answered : undefined))
  }

  /** Returns a promise where it must wait; that never rejects. */
  takeTurn(): Promise<void> | undefined {
    if (this.#giveUp !== undefined) offAbort(this.#signal, this.#giveUp)
    if (this.#isRefused) return this.#left(false)
    try {
      const waits = this.#begin()
      return waits === undefined
        ? this.#left(true)
        : waits.then(
            () => this.#left(true),
            (error) => this.#failed(error),
          )
    } catch (error) {
      return this.#failed(error)
    }
  }

  #refuse(error: unknown): void {
    this.#isRefused = true
    this.#send.refused(error)
  }

  #failed(error: unknown): undefined {
    this.#refuse(error)
    return this.#left(false)
  }

  #left(begun: boolean): undefined {
    this.#begun = begun
    this.#tell?.(begun)
    return undefined
  }
}
