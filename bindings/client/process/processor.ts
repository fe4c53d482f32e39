import '../../model/disposable.ts'
import type { AbortSignalGiven, AbortSignalLike } from '../../model/platform.ts'
import { abortReason, offAbort, onAbort, throwIfAborted } from '../signals.ts'

/** Work that goes on by itself until it is closed, its source ends, or it gives up. */
export interface Processor extends AsyncDisposable {
  /**
   * Resolves when it was closed or its source ended; rejects with the error that made it give up, also while it was
   * being closed, or with the reason of its aborted signal. Await it, or catch it: a processor that gives up while
   * nobody looks ends the program, as any unhandled rejection does.
   */
  readonly done: Promise<void>
  /**
   * Ends it between two transactions; what isn't committed is delivered again. Resolves when nothing of it runs any
   * more: a `handle` or `read` may call it, but must not await it. Rejects, like `done`, with an error that made it
   * give up since this call: a commit that failed for good, a record that failed every try. An earlier error is
   * reported by `done` alone. Rejects with NETWORK_EXCEPTION once the process that holds the log gives no sign of life
   * for 5 s: then it ends when that one goes on, or when the log is closed. A second call settles as the first one.
   */
  close(): Promise<void>
}

export class RunningProcessor implements Processor {
  readonly done: Promise<void>
  readonly #stopping = new AbortController()
  /** Rejects as `done`, but for the reason of the aborted signal. */
  readonly #ended: Promise<void>
  readonly #untilSilent: <T>(ending: Promise<T>) => Promise<T>
  #isOver = false
  #closing: Promise<void> | undefined

  /**
   * `run` ends soon after its signal aborted: with the signal's reason, or with what failed for good meanwhile.
   * `untilSilent`: `whileAnswered` of Broker.
   */
  constructor(
    run: (signal: AbortSignalGiven) => Promise<void>,
    signal: AbortSignalLike | undefined,
    ended: (processor: Processor) => void,
    untilSilent: <T>(ending: Promise<T>) => Promise<T>,
  ) {
    this.#untilSilent = untilSilent
    const running = this.#run(run, signal).finally(() => {
      this.#isOver = true
      ended(this)
    })
    // A promise of its own, whose rejection no `close` handles: otherwise work that failed in silence would be noticed
    // far too late.
    this.done = running.then(() => {})
    this.#ended = running.catch((error: unknown) => {
      if (!isReason(error, signal)) throw error
      // The program that aborted the signal knows why it ended.
      this.done.catch(() => {})
    })
    this.#ended.catch(() => {})
  }

  async #run(run: (signal: AbortSignalGiven) => Promise<void>, signal: AbortSignalLike | undefined): Promise<void> {
    const stop = () => this.#stopping.abort()
    throwIfAborted(signal)
    onAbort(signal, stop)
    try {
      await run(this.#stopping.signal)
    } catch (error) {
      if (!isReason(error, this.#stopping.signal)) throw error
    } finally {
      offAbort(signal, stop)
    }
    if (this.#closing === undefined) throwIfAborted(signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#isOver ? Promise.resolve() : this.#untilSilent(this.#ended)
    this.#stopping.abort()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function isReason(error: unknown, signal: AbortSignalLike | undefined): boolean {
  return signal?.aborted === true && error === abortReason(signal)
}
