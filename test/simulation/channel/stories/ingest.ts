import { LogError } from '../../../../bindings/model/errors.ts'
import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { note, PARTITIONS, topicConfig, type World } from '../world.ts'
import { readTopic, type Story } from './story.ts'

/** Rows of a foreign store: each comes once, in order, whoever of the processes takes the source over. */
export function ingestStory(): Story {
  let found: FinalRead[] = []
  /** The log itself said, by the position that it handed back, that all is in. */
  let isIn = false
  const rows = (world: World) => world.plan.settings.inputs

  const ingest = async (process: SimulatedProcess, world: World): Promise<void> => {
    const { random } = world
    while (!world.isEnding) {
      const processor = process.log.ingest<number>({
        source: 'rows',
        async *read(after = 0) {
          if (after === rows(world)) isIn = true
          if (after > rows(world)) world.unexpected.push(`ingest goes on after row ${after} of ${rows(world)}`)
          for (let row = after + 1; row <= rows(world); row++) {
            if (random.chance(0.3)) await process.whileAlive(process.sleep(random.unit() * 20))
            yield { position: row, records: recordsOf(row) }
          }
        },
      })
      try {
        await process.whileAlive(processor.done)
      } catch (error) {
        note(world, process, error)
        // Another process has taken the source over: it is left some time with it.
        if (LogError.is(error, 'PRODUCER_FENCED')) await process.sleep(100 + random.unit() * 400)
      }
      await process.sleep(random.unit() * 50)
    }
  }

  return {
    async prepare({ log }, world) {
      await log.admin.createTopic('t', { partitions: PARTITIONS, config: topicConfig(world) })
    },
    program: ingest,
    isDone: async () => isIn,
    async end(process, world) {
      found = await readTopic(process, world, 't')
    },
    judge: (world) => judge(found, rows(world)),
  }
}

function recordsOf(row: number): { topic: string; partition: number; value: string }[] {
  const partition = row % PARTITIONS
  const records = [{ topic: 't', partition, value: `row-${row}` }]
  if (row % 5 === 0) records.push({ topic: 't', partition: (partition + 1) % PARTITIONS, value: `row-${row}/2` })
  return records
}

function judge(found: readonly FinalRead[], rows: number): string[] {
  const wrong: string[] = []
  const left = new Map<string, number>()
  for (let row = 1; row <= rows; row++) for (const { value, partition } of recordsOf(row)) left.set(value, partition)
  for (const { partition, records } of found) {
    let last = 0
    for (const { value } of records) {
      if (left.get(value) !== partition) wrong.push(`${value} is in t-${partition} once more, or in the wrong place`)
      left.delete(value)
      const row = Number(/\d+/.exec(value)?.[0])
      if (row < last) wrong.push(`${value} is after row ${last} in t-${partition}`)
      last = row
    }
  }
  for (const value of left.keys()) wrong.push(`${value} is missing`)
  return wrong
}
