import type { SeenRecord } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { drawPlain, follow, produce } from '../programs.ts'
import { ALL_PARTITIONS, note, PARTITIONS, textsOf, topicConfig, type World } from '../world.ts'
import type { Story } from './story.ts'

/**
 * The device misdirects writes, swallows them, shows wrong bits: what was acknowledged may be gone, but never without a
 * word of its partition, and nobody reads what wasn't sent, or twice, or at another place.
 */
export function damagedStory(): Story {
  const found: SeenRecord[][] = ALL_PARTITIONS.map(() => [])
  return {
    mayBeDamaged: true,
    async prepare({ log }, world) {
      await log.admin.createTopic('t', { partitions: PARTITIONS, config: topicConfig(world) })
    },
    program: (process, world) => produce(process, world, drawPlain),
    follow: (process, world) =>
      follow(process, world, 't', (_, partition, __, records) => judgeSeen(world, partition, records)),
    async end(process, world) {
      for (const partition of ALL_PARTITIONS) found[partition] = await readAsFarAsItGoes(process, world, partition)
    },
    judge: (world) => found.flatMap((records, partition) => judge(world, partition, records)),
  }
}

async function readAsFarAsItGoes(process: SimulatedProcess, world: World, partition: number): Promise<SeenRecord[]> {
  const records: SeenRecord[] = []
  try {
    const [ends] = await process.log.admin.offsets([{ topic: 't', partition }])
    const until = [{ topic: 't', partition, nextOffset: ends?.highWatermark ?? 0 }]
    for await (const batch of process.log.read('t', { until }).batches()) records.push(...textsOf(world, batch))
  } catch (error) {
    note(world, process, error)
  }
  return records
}

function judgeSeen({ recording, unexpected }: World, partition: number, records: readonly SeenRecord[]): void {
  const wrong = wrongOf(recording.sentValues, partition, records)
  unexpected.push(...wrong.slice(0, 3))
}

function wrongOf(sends: World['recording']['sentValues'], partition: number, records: readonly SeenRecord[]): string[] {
  return records.flatMap(({ offset, value }) => {
    const send = sends.get(value)
    if (send === undefined) return [`${value} in t-${partition} was sent by nobody`]
    const { offset: acknowledged = -1 } = send
    const isThere = send.partition === partition && (acknowledged < 0 || acknowledged === offset)
    return isThere ? [] : [`${value} is at ${offset} of t-${partition}, and was sent elsewhere`]
  })
}

function judge(world: World, partition: number, records: readonly SeenRecord[]): string[] {
  const { recording, damaged } = world
  const wrong = wrongOf(recording.sentValues, partition, records)
  const values = new Set(records.map(({ value }) => value))
  if (values.size < records.length) wrong.push(`a record stands twice in t-${partition}`)
  if (damaged.has(partition)) return wrong
  for (const { value, outcome, partition: at, offset } of recording.sends) {
    const isMissing = at === partition && outcome === 'ok' && !values.has(value)
    if (isMissing) wrong.push(`${value} was acknowledged at ${offset} of t-${partition}, is gone, and nobody was told`)
  }
  return wrong
}
