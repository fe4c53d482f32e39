import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import { abortable, throwIfAborted } from '../signals.ts'

/** What the source failed with, as it threw it: nothing that another run of the batches mends. */
export class SourceFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

export interface BatchLimits {
  readonly maxItems: number
  readonly lingerMs: number
}

/**
 * Batches of up to `maxItems` items. No item waits much longer than `lingerMs` for more to come. Throws a
 * SourceFailure.
 */
export async function* inBatches<I>(
  items: AsyncIterable<I>,
  limits: BatchLimits,
  port: RuntimePort,
  signal: AbortSignalLike,
): AsyncGenerator<I[], void, undefined> {
  const source = new Source(items)
  try {
    for (;;) {
      const first = await abortable(source.next, signal).catch((error: unknown) => {
        // Once the signal was aborted, the source's own error doesn't matter.
        throwIfAborted(signal)
        throw new SourceFailure(error)
      })
      if (first.done === true) return
      source.taken()
      const batch = [first.value]
      if (limits.maxItems > 1) await source.fill(batch, limits, port)
      yield batch
    }
  } finally {
    source.leave()
  }
}

/** The source's iterator, whose next item is always asked for ahead. */
class Source<I> {
  readonly #iterator: AsyncIterator<I>
  next: Promise<IteratorResult<I>>

  constructor(items: AsyncIterable<I>) {
    this.#iterator = items[Symbol.asyncIterator]()
    this.next = this.#pull()
  }

  #pull(): Promise<IteratorResult<I>> {
    const next = this.#asked()
    // Whoever takes the item handles its failure; until then it must not end the program as an unhandled rejection.
    next.catch(() => {})
    return next
  }

  /** A hand-written iterator may throw: that is a failure of the source, like a rejection. */
  #asked(): Promise<IteratorResult<I>> {
    try {
      return Promise.resolve(this.#iterator.next())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  taken(): void {
    this.next = this.#pull()
  }

  /**
   * Until the time is up, the batch is full, or the source ends or fails, which `next` then tells. Hot path: one
   * callback an item.
   */
  fill(batch: I[], { maxItems, lingerMs }: BatchLimits, port: RuntimePort): Promise<void> {
    return new Promise((resolve) => {
      let isOver = false
      const end = () => {
        isOver = true
        cancel()
        resolve()
      }
      const cancel = port.setTimer(lingerMs, end, { keepsAlive: true })
      const take = (next: IteratorResult<I> | undefined): void => {
        if (isOver) return
        // The end or failure of the source is for the next batch to find.
        if (next === undefined || next.done === true) return end()
        batch.push(next.value)
        this.taken()
        if (batch.length === maxItems) end()
        else this.next.then(take, end)
      }
      this.next.then(take, end)
    })
  }

  /** Not awaited: the source may be waiting for rows. */
  leave(): void {
    const left = async () => this.#iterator.return?.()
    left().catch(() => {})
  }
}
