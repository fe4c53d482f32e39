import '../../model/disposable.ts'
import type { AbortSignalGiven, AbortSignalLike } from '../../model/platform.ts'
import { throwIfAborted } from '../signals.ts'

/** Work that goes on by itself until it is closed, its source ends, or it gives up. */
export interface Processor extends AsyncDisposable {
  /**
   * Resolves when it was closed or its source ended; rejects with what made it give up, or with the reason of its aborted
   * signal. Await it, or catch it: a processor that gives up while nobody looks ends the program, as any rejection that
   * nobody handles does.
   */
  readonly done: Promise<void>
  /**
   * Ends it between two transactions; what isn't committed comes again. Resolves when nothing of it runs any more: a `handle` or `read`
   * may call it, and must not await it.
   */
  close(): Promise<void>
}

export class RunningProcessor implements Processor {
  readonly done: Promise<void>
  readonly #closing = new AbortController()
  readonly #settled: Promise<unknown>

  /** `run` ends soon after its signal aborted; why it was aborted, the processor knows. */
  constructor(
    run: (signal: AbortSignalGiven) => Promise<void>,
    signal: AbortSignalLike | undefined,
    ended: (processor: Processor) => void,
  ) {
    const running = this.#run(run, signal).finally(() => ended(this))
    // A promise of its own, which no `close` handles: work that ended in silence would be found out far too late.
    this.done = running.then(() => {})
    this.#settled = running.catch(() => {
      // Who aborted it knows.
      if (signal?.aborted) this.done.catch(() => {})
    })
  }

  async #run(run: (signal: AbortSignalGiven) => Promise<void>, signal: AbortSignalLike | undefined): Promise<void> {
    const stopping = new AbortController()
    const stop = () => stopping.abort()
    throwIfAborted(signal)
    signal?.addEventListener('abort', stop, { once: true })
    this.#closing.signal.addEventListener('abort', stop, { once: true })
    try {
      await run(stopping.signal)
    } catch (error) {
      if (!stopping.signal.aborted) throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    if (!this.#closing.signal.aborted) throwIfAborted(signal)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#settled
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
