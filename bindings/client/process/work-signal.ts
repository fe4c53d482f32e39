import type { AbortSignalGiven } from '../../model/platform.ts'
import { abortReason } from '../signals.ts'

/**
 * What `handle` is given to look at: aborted when the processor ends, or once the group has put the member out and
 * nothing that is worked on can be committed. From the next assignment on it is another one.
 */
export class WorkSignal {
  #controller = new AbortController()
  #isOver = false

  /** Of the processor, which ends once. */
  follow(signal: AbortSignalGiven): void {
    const stop = () => {
      this.#isOver = true
      this.abort(abortReason(signal))
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  }

  get signal(): AbortSignalGiven {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** It was aborted with that. */
  isReason(error: unknown): boolean {
    return this.#controller.signal.aborted && this.#controller.signal.reason === error
  }

  /** The member is in the group again. */
  renew(): void {
    if (this.#controller.signal.aborted && !this.#isOver) this.#controller = new AbortController()
  }
}
