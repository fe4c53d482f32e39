import type { RuntimePort } from '../../broker/runtime-port.ts'
import { type Abortable, abortReason, offAbort, onAbort } from '../signals.ts'

/** How long the log has, in milliseconds, to answer a call that was given up: its holder may be stopped. */
const LIMIT_MS = 5000

/**
 * How long the answers of one run are awaited once its signal has aborted. Not given up at once: usually the outcome is
 * known in a moment, and once a transaction is undone the next one can begin.
 */
export class AnswerLimit {
  readonly #port: RuntimePort
  readonly #signal: Abortable['signal']
  readonly #over: Promise<never> | undefined
  #reject: (reason: unknown) => void = () => {}
  #cancel = (): void => {}
  readonly #start = (): void => {
    const giveUp = () => this.#reject(this.#signal && abortReason(this.#signal))
    this.#cancel = this.#port.setTimer(LIMIT_MS, giveUp, { keepsAlive: true })
  }

  constructor(port: RuntimePort, signal: Abortable['signal']) {
    this.#port = port
    this.#signal = signal
    if (signal === undefined) return
    this.#over = new Promise((_, reject) => {
      this.#reject = reject
    })
    this.#over.catch(() => {})
    if (signal.aborted) this.#start()
    else onAbort(signal, this.#start)
  }

  /** Resolves with the answer, or rejects with the signal's reason. */
  of<T>(answer: Promise<T>): Promise<T> {
    return this.#over === undefined ? answer : Promise.race([answer, this.#over])
  }

  end(): void {
    offAbort(this.#signal, this.#start)
    this.#cancel()
  }
}
