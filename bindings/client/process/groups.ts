import type { RuntimePort } from '../../broker/port.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import { abortable } from '../signals.ts'

const LATE: unique symbol = Symbol('late')

/** What comes soon after one another together: at most `maxItems`, and nothing waits longer than about `lingerMs` for more. */
export async function* inGroups<I>(
  items: AsyncIterable<I>,
  maxItems: number,
  lingerMs: number,
  port: RuntimePort,
  signal: AbortSignalLike,
): AsyncGenerator<I[], void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  const pull = () => {
    const next = Promise.resolve(iterator.next())
    // Asked for again below; meanwhile its failure is nobody's.
    next.catch(() => {})
    return next
  }
  try {
    for (let next = pull(); ; ) {
      const first = await abortable(next, signal)
      if (first.done === true) return
      const group = [first.value]
      next = pull()
      const isOver = await fill(group, maxItems, lingerMs, port, async (late) => {
        const more = await Promise.race([next, late])
        if (more !== LATE && more.done !== true) next = pull()
        return more
      })
      yield group
      if (isOver) return
    }
  } finally {
    // A source that waits for rows needn't be waited for.
    iterator.return?.()?.catch(() => {})
  }
}

/** Answers whether the source ended. */
async function fill<I>(
  group: I[],
  maxItems: number,
  lingerMs: number,
  port: RuntimePort,
  more: (late: Promise<typeof LATE>) => Promise<IteratorResult<I> | typeof LATE>,
): Promise<boolean> {
  let cancel = () => {}
  const late = new Promise<typeof LATE>((resolve) => {
    cancel = port.setTimer(lingerMs, () => resolve(LATE), true)
  })
  try {
    while (group.length < maxItems) {
      const next = await more(late)
      if (next === LATE) return false
      if (next.done === true) return true
      group.push(next.value)
    }
    return false
  } finally {
    cancel()
  }
}
