import type { AbortSignalGiven } from '../../model/platform.ts'
import { abortReason, onAbort } from '../signals.ts'

/**
 * The signal that `handle` is given: aborted when the processor ends, or once the group has put the member out, as
 * nothing that is worked on can be committed then. The next assignment brings a new one.
 */
export class WorkSignal {
  #controller = new AbortController()
  #isOver = false
  #isPutOut = false

  /** Aborts when the processor's own signal does, which aborts once. */
  follow(signal: AbortSignalGiven): void {
    const stop = () => {
      this.#isOver = true
      this.#controller.abort(abortReason(signal))
    }
    if (signal.aborted) stop()
    else onAbort(signal, stop)
  }

  get signal(): AbortSignalGiven {
    return this.#controller.signal
  }

  /** The group has put the member out: others may have its partitions by now. */
  putOut(reason: unknown): void {
    this.#isPutOut = true
    this.#controller.abort(reason)
  }

  /** Also while the processor ends. */
  get isPutOut(): boolean {
    return this.#isPutOut
  }

  /** Whether it was aborted with this reason. */
  isReason(error: unknown): boolean {
    return this.#controller.signal.aborted && this.#controller.signal.reason === error
  }

  /** The member is in the group again. */
  renew(): void {
    this.#isPutOut = false
    if (this.#controller.signal.aborted && !this.#isOver) this.#controller = new AbortController()
  }
}
