import type { Plan } from './plan.ts'
import { simulate } from './run.ts'

/** Each attempt is a run; a failure that needs more of them stays longer than it had to. */
const ATTEMPTS_MAX = 120

/** Indexes of the events without any of which the run goes well: halves are left out first, then ever smaller parts. */
export async function neededEvents(plan: Plan): Promise<readonly number[]> {
  let needed = plan.events.map((_, index) => index)
  let attempts = 0
  const failsWith = async (indexes: readonly number[]): Promise<boolean> => {
    attempts++
    const { wrong } = await simulate({ ...plan, events: indexes.map((index) => plan.events[index] as never) })
    return wrong.length > 0
  }
  for (let size = Math.ceil(needed.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < needed.length && attempts < ATTEMPTS_MAX; ) {
      const fewer = needed.filter((_, at) => at < from || at >= from + size)
      if (await failsWith(fewer)) needed = fewer
      else from += size
    }
  }
  return needed
}
