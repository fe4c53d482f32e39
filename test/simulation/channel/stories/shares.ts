import type { ShareConsumer, SharedRecordOf } from '../../../../bindings/client/share/share-consumer-type.ts'
import { LogError } from '../../../../bindings/model/errors.ts'
import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { note, PARTITIONS, topicConfig, type World } from '../world.ts'
import { Deliveries, type Holder } from './judge-shares.ts'
import { fill, GROUP, readTopic, type Story } from './story.ts'

const LOCK_MS = 120
const MAX_DELIVERIES = 4
/** Nobody got anything for so long: nothing is left, or nothing comes any more. */
const QUIET_MS = 10 * LOCK_MS

/** A work queue: records are accepted, released, rejected, forgotten, some of them deleted meanwhile. */
export function sharesStory(): Story {
  const deliveries = new Deliveries(MAX_DELIVERIES, LOCK_MS)
  let dead: readonly FinalRead[] = []
  let calmSinceMs: number | undefined
  return {
    async prepare(process, world) {
      const config = topicConfig(world)
      for (const topic of ['in', 'dead']) await process.log.admin.createTopic(topic, { partitions: PARTITIONS, config })
      await fill(process, world, 'in')
    },
    async program(process, world) {
      const deleting = deleteOnce(process, world, deliveries)
      while (!world.isEnding) {
        const consumer = process.log.shareConsumer({
          ...{ groupId: GROUP, topics: ['in'], deadLetter: 'dead', lockMs: LOCK_MS },
          ...{ maxDeliveries: MAX_DELIVERIES, maxRecords: 1 + world.random.below(10) },
        })
        const holder: Holder = { sinceMs: world.time.now, hasEnded: false }
        try {
          await work(process, world, consumer, { deliveries, holder })
          holder.hasEnded = true
          await process.whileAlive(consumer.close())
        } catch (error) {
          holder.hasEnded = true
          // Deleted records are skipped.
          if (LogError.is(error, 'OFFSET_OUT_OF_RANGE')) world.unexpected.push(String(error))
          note(world, process, error)
          consumer.close().catch(() => {})
        }
        await process.sleep(world.random.unit() * 20)
      }
      await deleting
    },
    async isDone(_, { time }) {
      calmSinceMs ??= time.now
      return time.now - Math.max(calmSinceMs, deliveries.lastMs) > QUIET_MS
    },
    async end(process, world) {
      dead = await readTopic(process, world, 'dead')
    },
    judge: ({ recording }) => deliveries.judge(recording.sends, dead),
  }
}

async function work(
  process: SimulatedProcess,
  world: World,
  consumer: ShareConsumer<'in'>,
  { deliveries, holder }: { readonly deliveries: Deliveries; readonly holder: Holder },
): Promise<void> {
  const { random } = world
  const records = consumer[Symbol.asyncIterator]()
  for (let left = random.chance(0.3) ? 5 + random.below(10) : 1e9; left > 0 && !world.isEnding; left--) {
    const { value: record } = await Promise.race([process.whileAlive(records.next()), ending(process, world)])
    if (record === undefined) return
    world.unexpected.push(...deliveries.delivered(record, holder, world.time.now, world.troubleMs()))
    if (random.chance(0.2)) await process.sleep(random.unit() * LOCK_MS * 1.5)
    // Those that nobody acknowledges come again once their lock has ended.
    if (!random.chance(0.1)) await acknowledge(process, world, consumer, record, deliveries)
  }
}

async function acknowledge(
  process: SimulatedProcess,
  world: World,
  consumer: ShareConsumer<'in'>,
  record: SharedRecordOf<'in'>,
  deliveries: Deliveries,
): Promise<void> {
  const draw = world.random.unit()
  const type = draw < 0.75 ? 'accept' : draw < 0.9 ? 'release' : 'reject'
  const told = deliveries.asked(record, type)
  try {
    await process.whileAlive(consumer.acknowledge(record, type))
    told()
  } catch (error) {
    note(world, process, error)
  }
}

/** Nobody waits for a record that doesn't come. */
async function ending(process: SimulatedProcess, world: World): Promise<{ value: undefined }> {
  while (!world.isEnding) await process.sleep(100)
  return { value: undefined }
}

/** In some runs a part of the queue goes. */
async function deleteOnce(process: SimulatedProcess, world: World, deliveries: Deliveries): Promise<void> {
  const { random, plan } = world
  if (!plan.settings.deletesRecords) return
  await process.sleep(random.unit() * 400)
  const partition = random.below(PARTITIONS)
  const beforeOffset = random.below(Math.floor(plan.settings.inputs / PARTITIONS))
  deliveries.deletes(partition, beforeOffset)
  try {
    await process.whileAlive(process.log.admin.deleteRecords([{ topic: 'in', partition, beforeOffset }]))
  } catch (error) {
    note(world, process, error)
  }
}
