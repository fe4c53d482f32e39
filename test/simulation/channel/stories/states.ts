import { store } from '../../../../bindings/client/process/keyed-state.ts'
import { string, unchecked } from '../../../../bindings/client/topic/codec.ts'
import { json } from '../../../../bindings/client/topic/json.ts'
import { topic } from '../../../../bindings/client/topic/topic.ts'
import { LogError } from '../../../../bindings/model/errors.ts'
import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { note, PARTITIONS, topicConfig, type World } from '../world.ts'
import { inputsLeft } from './groups.ts'
import { fill, GROUP, readTopic, type Story } from './story.ts'

const KEYS = 7
const inputs = topic('in', { key: string, value: string })
const counts = topic('counts', { key: string, value: unchecked<number>(json()) })

/** Each partition has keys of its own. */
function keyOf(index: number): string {
  return `key-${index % (KEYS * PARTITIONS)}`
}

/** Records are counted by their key, in state whose changelog is compacted, exactly once; what was counted goes out. */
export function statesStory(): Story {
  let found: { readonly in: FinalRead[]; readonly out: FinalRead[]; readonly state: ReadonlyMap<string, number> }
  return {
    async prepare(process, world) {
      const { admin } = process.log
      const config = topicConfig(world)
      for (const name of ['in', 'out']) await admin.createTopic(name, { partitions: PARTITIONS, config })
      const { dirtyRatio } = world.plan.settings
      const compacted = { ...config, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': dirtyRatio }
      await admin.createTopic('counts', { partitions: PARTITIONS, config: compacted })
      await fill(process, world, 'in', keyOf)
    },
    program: count,
    isDone: async ({ log }, world) => (await inputsLeft(log, world)) === 0,
    async end(process, world) {
      const table = await process.log.table(counts)
      const state = new Map(table.entries())
      await table.close()
      found = { in: await readTopic(process, world, 'in'), out: await readTopic(process, world, 'out'), state }
    },
    judge: (world) => judge(world, found.in, found.out, found.state),
  }
}

async function count(process: SimulatedProcess, world: World): Promise<void> {
  const { random } = world
  while (!world.isEnding) {
    const processor = process.log.process({
      ...{ groupId: GROUP, topics: [inputs], state: { counts: store(counts) } },
      ...{ maxRecords: 1 + random.below(8), transactionTimeoutMs: 4000, maxPollIntervalMs: 1000, retries: 1 },
      concurrency: random.chance(0.3) ? 3 : 1,
      async handle({ key, value, partition }, { state }) {
        const text = key ?? ''
        const next = ((await state.counts.get(text)) ?? 0) + 1
        state.counts.set(text, next)
        if (random.chance(0.05)) await process.whileAlive(process.sleep(random.unit() * 20))
        if (random.chance(0.03)) throw new LogError('RECORD_SERIALIZATION', 'on purpose')
        return { topic: 'out', partition, key: text, value: `${value}/${next}` }
      },
    })
    try {
      await Promise.race([process.whileAlive(processor.done), untilEnding(process, world)])
      await process.whileAlive(processor.close())
    } catch (error) {
      note(world, process, error)
    }
    await process.sleep(random.unit() * 30)
  }
}

async function untilEnding(process: SimulatedProcess, world: World): Promise<void> {
  // Some go in the middle of their work, so that the partitions and their state are another's.
  const endMs = world.random.chance(0.4) ? world.time.now + world.random.unit() * 500 : Number.POSITIVE_INFINITY
  while (!world.isEnding && world.time.now < endMs) await process.sleep(50)
}

/** The n-th record of a key went out once, as the n-th; and the state has as many as there were. */
function judge(
  { recording }: World,
  inputs: readonly FinalRead[],
  outputs: readonly FinalRead[],
  state: ReadonlyMap<string, number>,
): string[] {
  const wrong: string[] = []
  const keys = new Map(recording.sends.map(({ value, key }) => [value, key ?? '']))
  const out = new Map<string, number>()
  for (const { value } of outputs.flatMap(({ records }) => records)) out.set(value, (out.get(value) ?? 0) + 1)
  const counted = new Map<string, number>()
  for (const { value } of inputs.flatMap(({ records }) => records)) {
    const key = keys.get(value) ?? ''
    const count = (counted.get(key) ?? 0) + 1
    counted.set(key, count)
    const expected = `${value}/${count}`
    if (out.get(expected) !== 1) wrong.push(`${expected} went out ${out.get(expected) ?? 0} times`)
    out.delete(expected)
  }
  for (const [value, times] of out) wrong.push(`${value} went out ${times} times and shouldn't have`)
  for (const [key, count] of counted) {
    if (state.get(key) !== count) wrong.push(`${key} was counted ${state.get(key)} times, it came ${count} times`)
  }
  return wrong
}
