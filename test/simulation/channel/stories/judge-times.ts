import type { SimulatedProcess } from '../process.ts'
import { ALL_PARTITIONS, type World } from '../world.ts'

interface Dated {
  readonly offset: number
  readonly timestamp: number
}

const PLACES = ALL_PARTITIONS.map((partition) => ({ topic: 't', partition }))
/** Times that are asked for. */
const TIMES = 4

/**
 * Where a reader by time begins, held against what a read of all of it shows: no record that is as new stands before
 * that, and the one that stands there is as new. Of aborted records nobody knows the time. Nothing is written meanwhile.
 */
export async function judgeTimes({ log }: SimulatedProcess, { random, unexpected }: World): Promise<void> {
  const found = ALL_PARTITIONS.map((): Dated[] => [])
  for await (const { partition, offset, timestamp } of log.read('t', { until: 'end' }))
    found[partition]?.push({ offset, timestamp })
  const all = found.flat()
  for (let asked = 0; asked < TIMES && all.length > 0; asked++) {
    const time = (all[random.below(all.length)]?.timestamp ?? 0) + random.below(2)
    for (const { partition, nextOffset } of await log.admin.offsetsForTimestamp(PLACES, time)) {
      const records = found[partition] ?? []
      const first = records.find(({ timestamp }) => timestamp >= time)
      const there = records.find(({ offset }) => offset === nextOffset)
      const isSkipped = first !== undefined && first.offset < nextOffset
      if (!isSkipped && (there === undefined || there.timestamp >= time)) continue
      unexpected.push(`t-${partition} begins at ${nextOffset} for ${time}, which ${first?.offset} has first`)
    }
  }
}
