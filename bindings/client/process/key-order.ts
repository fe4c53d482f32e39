/** How far behind the first unfinished item another may begin. It bounds what is still to do when the time is over. */
const AHEAD_PER_WIDTH = 16

/** How long the work may go on, asked between two items. */
export interface TimeSlice {
  isOver(): boolean
  /** A promise to wait for, if the rest of the process has had no turn for a millisecond. */
  yieldIfDue(): Promise<void> | undefined
}

async function oneByOne<I, O>(items: readonly I[], work: (item: I) => Promise<O>, slice: TimeSlice): Promise<O[]> {
  const answers: O[] = []
  for (const item of items) {
    const yielded = answers.length > 0 ? slice.yieldIfDue() : undefined
    if (yielded !== undefined) {
      await yielded
      if (slice.isOver()) break
    }
    answers.push(await work(item))
  }
  return answers
}

/**
 * Runs `work` over items, at most `width` at once. Items with the same key run one after the other, in their order. Once
 * `isOver`, only the items before those that have begun are still started, and at least one runs: so the answers are those
 * of the first items. After a failure nothing new begins, and it rejects when everything that runs has ended.
 */
export async function inKeyOrder<I, O>(
  items: readonly I[],
  width: number,
  keyOf: (item: I) => string,
  work: (item: I) => Promise<O>,
  slice: TimeSlice,
): Promise<O[]> {
  if (width === 1) return oneByOne(items, work, slice)
  const keys = items.map(keyOf)
  const answers: O[] = []
  const [begun, done] = [new Set<number>(), new Set<number>()]
  const busy = new Set<string>()
  let firstOpen = 0
  let end = 0
  let failure: { readonly error: unknown } | undefined
  const next = (): number | undefined => {
    if (failure !== undefined) return undefined
    const limit = slice.isOver() ? Math.max(end, 1) : firstOpen + AHEAD_PER_WIDTH * width
    for (let index = firstOpen; index < Math.min(limit, items.length); index++) {
      if (!begun.has(index) && !busy.has(keys[index] as string)) return index
    }
    return undefined
  }
  const run = async (index: number): Promise<void> => {
    begun.add(index)
    busy.add(keys[index] as string)
    end = Math.max(end, index + 1)
    try {
      answers[index] = await work(items[index] as I)
      done.add(index)
      while (done.has(firstOpen)) firstOpen++
    } catch (error) {
      failure ??= { error }
    }
    busy.delete(keys[index] as string)
  }
  await new Promise<void>((resolve, reject) => {
    let isYielding = false
    const resumed = (): void => {
      isYielding = false
      advance()
    }
    const advance = (): void => {
      for (let index = next(); index !== undefined && busy.size < width && !isYielding; index = next()) {
        const yielded = begun.size > 0 ? slice.yieldIfDue() : undefined
        isYielding = yielded !== undefined
        // Which one is next, and whether one is, is asked again behind it.
        if (yielded !== undefined) yielded.then(resumed, reject)
        else run(index).then(advance, reject)
      }
      if (busy.size === 0 && !isYielding) resolve()
    }
    advance()
  })
  if (failure !== undefined) throw failure.error
  return answers
}
