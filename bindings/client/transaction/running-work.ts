import type { AbortSignalGiven } from '../../model/platform.ts'
import { transactionOver } from '../closed.ts'
import type { TransactionContext } from './transaction-type.ts'

/**
 * One run of the program's work. Its signal is made only when it is asked for: a signal costs more than the send of a
 * small transaction.
 */
export class RunningWork implements TransactionContext {
  readonly attempt: number
  readonly #transactionalId: string
  #controller: AbortController | undefined
  #over: { readonly reason: unknown } | undefined
  #stop: (reason: unknown) => void = () => {}

  constructor(attempt: number, transactionalId: string) {
    this.attempt = attempt
    this.#transactionalId = transactionalId
  }

  get signal(): AbortSignalGiven {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#over !== undefined) this.#controller.abort(this.#over.reason ?? transactionOver(this.#transactionalId))
    }
    return this.#controller.signal
  }

  /** Settles as the work does, or rejects with the reason of an abort that comes before. */
  until<R>(work: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#stop = reject
      if (this.#over !== undefined) reject(this.#over.reason)
      Promise.resolve(work).then(resolve, reject)
    })
  }

  abort(reason: unknown): void {
    if (this.#over !== undefined) return
    this.#over = { reason }
    this.#stop(reason)
    this.#controller?.abort(reason)
  }

  /** Work that still listens to the signal hears that it is too late. */
  end(): void {
    if (this.#over !== undefined) return
    this.#over = { reason: undefined }
    this.#controller?.abort(transactionOver(this.#transactionalId))
  }
}
