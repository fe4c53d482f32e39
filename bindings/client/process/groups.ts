import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import { abortable, throwIfAborted } from '../signals.ts'

/** What comes soon after one another together: at most `maxItems`, and nothing waits longer than about `lingerMs` for more. */
export async function* inGroups<I>(
  items: AsyncIterable<I>,
  maxItems: number,
  lingerMs: number,
  port: RuntimePort,
  signal: AbortSignalLike,
): AsyncGenerator<I[], void, undefined> {
  const source = new Source(items)
  try {
    for (;;) {
      const first = await abortable(source.next, signal).catch((error: unknown) => {
        // It was ended: what its source says to that is of no matter.
        throwIfAborted(signal)
        throw error
      })
      if (first.done === true) return
      source.taken()
      const group = [first.value]
      if (maxItems > 1) await source.fill(group, maxItems, lingerMs, port)
      yield group
    }
  } finally {
    source.leave()
  }
}

/** One item ahead: asked for, and kept until it comes. */
class Source<I> {
  readonly #iterator: AsyncIterator<I>
  next: Promise<IteratorResult<I>>

  constructor(items: AsyncIterable<I>) {
    this.#iterator = items[Symbol.asyncIterator]()
    this.next = this.#pull()
  }

  #pull(): Promise<IteratorResult<I>> {
    const next = Promise.resolve(this.#iterator.next())
    // Asked for again by whoever takes it; meanwhile its failure is nobody's.
    next.catch(() => {})
    return next
  }

  taken(): void {
    this.next = this.#pull()
  }

  /** Ends with time, with enough, or where the source ends or fails, which the next item says. Hot path: one callback an item. */
  fill(group: I[], maxItems: number, lingerMs: number, port: RuntimePort): Promise<void> {
    return new Promise((resolve) => {
      let isOver = false
      const end = () => {
        isOver = true
        cancel()
        resolve()
      }
      const cancel = port.setTimer(lingerMs, end, true)
      const take = (next: IteratorResult<I>): void => {
        if (isOver) return
        if (next.done === true) return end()
        group.push(next.value)
        this.taken()
        if (group.length === maxItems) end()
        else this.next.then(take, end)
      }
      this.next.then(take, end)
    })
  }

  /** A source that waits for rows needn't be waited for. */
  leave(): void {
    const left = async () => this.#iterator.return?.()
    left().catch(() => {})
  }
}
