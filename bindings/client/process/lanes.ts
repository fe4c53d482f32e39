/** An item begins only so far behind the first one that isn't done: what begun ones leave open when time is over. */
const AHEAD_PER_WIDTH = 16

/** What is asked between two items. */
export interface Pace {
  isOver(): boolean
  /** A promise where others in the process have waited for a millisecond. */
  turn(): Promise<void> | undefined
}

async function oneByOne<I, O>(items: readonly I[], work: (item: I) => Promise<O>, pace: Pace): Promise<O[]> {
  const answers: O[] = []
  for (const item of items) {
    const turn = answers.length > 0 ? pace.turn() : undefined
    if (turn !== undefined) {
      await turn
      if (pace.isOver()) break
    }
    answers.push(await work(item))
  }
  return answers
}

/**
 * Runs `work` over items, at most `width` at once and never two of one lane; those of a lane in their order. Once `isOver`
 * nothing begins but what lies before begun ones, and one at least: the answers are those of the first items, in their
 * order. After a failure nothing new begins, and it rejects once all that runs has ended.
 */
export async function inLanes<I, O>(
  items: readonly I[],
  width: number,
  laneOf: (item: I) => string,
  work: (item: I) => Promise<O>,
  pace: Pace,
): Promise<O[]> {
  if (width === 1) return oneByOne(items, work, pace)
  const lanes = items.map(laneOf)
  const answers: O[] = []
  const [begun, done] = [new Set<number>(), new Set<number>()]
  const busy = new Set<string>()
  let firstOpen = 0
  let end = 0
  let failure: { readonly error: unknown } | undefined
  const next = (): number | undefined => {
    if (failure !== undefined) return undefined
    const limit = pace.isOver() ? Math.max(end, 1) : firstOpen + AHEAD_PER_WIDTH * width
    for (let index = firstOpen; index < Math.min(limit, items.length); index++) {
      if (!begun.has(index) && !busy.has(lanes[index] as string)) return index
    }
    return undefined
  }
  const run = async (index: number): Promise<void> => {
    begun.add(index)
    busy.add(lanes[index] as string)
    end = Math.max(end, index + 1)
    try {
      answers[index] = await work(items[index] as I)
      done.add(index)
      while (done.has(firstOpen)) firstOpen++
    } catch (error) {
      failure ??= { error }
    }
    busy.delete(lanes[index] as string)
  }
  await new Promise<void>((resolve, reject) => {
    let isTurning = false
    const turned = (): void => {
      isTurning = false
      advance()
    }
    const advance = (): void => {
      for (let index = next(); index !== undefined && busy.size < width && !isTurning; index = next()) {
        const turn = begun.size > 0 ? pace.turn() : undefined
        isTurning = turn !== undefined
        // Which one is next, and whether one is, is asked again behind it.
        if (turn !== undefined) turn.then(turned, reject)
        else run(index).then(advance, reject)
      }
      if (busy.size === 0 && !isTurning) resolve()
    }
    advance()
  })
  if (failure !== undefined) throw failure.error
  return answers
}
