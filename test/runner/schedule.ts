/**
 * Three processes at a time on two cores, as light files often wait. Two heavy ones only when no light one is left:
 * those that measure nothing but want their turn soon shouldn't wait for them.
 */
import type { Job, Result } from './job.ts'
import { Series } from './series.ts'
import { runOne } from './single.ts'

export async function runAll(jobs: readonly Job[], onResult: (result: Result) => void): Promise<void> {
  const heavy = jobs.filter((job) => job.heavy)
  const light = jobs.filter((job) => !job.heavy)
  // Long ones from the start on, or they would run alone at the end.
  const first = [heavy, light]

  async function lane(order: readonly Job[][]): Promise<void> {
    const series = new Series()
    for (;;) {
      const job = order.find((each) => each.length > 0)?.shift()
      if (job === undefined) return await series.end()
      onResult(await (job.sharesProcess ? series.run(job) : runOne(job)))
    }
  }
  await Promise.all([lane(first), lane([...first].reverse()), lane([light])])
}
