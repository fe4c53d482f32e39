/**
 * Runs `work` over items, at most `width` at once and never two of one lane; those of a lane in their order. Answers in the
 * order of the items. After a failure nothing new begins, and it rejects once all that runs has ended.
 */
export async function inLanes<I, O>(
  items: readonly I[],
  width: number,
  laneOf: (item: I) => string,
  work: (item: I) => Promise<O>,
): Promise<O[]> {
  const answers: O[] = new Array(items.length)
  const lanes = new Map<string, number[]>()
  items.forEach((item, index) => {
    const lane = lanes.get(laneOf(item))
    if (lane === undefined) lanes.set(laneOf(item), [index])
    else lane.push(index)
  })
  const waiting = [...lanes.values()]
  let failure: { readonly error: unknown } | undefined
  const runner = async (): Promise<void> => {
    for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
      for (const index of lane) {
        if (failure !== undefined) return
        try {
          answers[index] = await work(items[index] as I)
        } catch (error) {
          failure ??= { error }
        }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, lanes.size) }, runner))
  if (failure !== undefined) throw failure.error
  return answers
}
