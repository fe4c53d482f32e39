import type { Consumer } from '../../../../bindings/client/consumer/consumer-type.ts'
import type { RecordBatch } from '../../../../bindings/client/records.ts'
import type { TransactionalProducer } from '../../../../bindings/client/transaction/transaction-type.ts'
import { LogError } from '../../../../bindings/model/errors.ts'
import type { SimulatedProcess } from '../process.ts'
import { commit, follow } from '../programs.ts'
import {
  ALL_PARTITIONS,
  drawCompression,
  note,
  PARTITIONS,
  type Program,
  textsOf,
  topicConfig,
  type World,
} from '../world.ts'
import { judgeEnd } from './judge-plain.ts'
import { fill, GROUP, judgeHistory, readTopic, type Story, seenFromStart } from './story.ts'

const MAX_POLL_INTERVAL_MS = 300

/** Input in, output out, offsets with it: one transaction for each batch, some of them aborted on purpose. */
const copy: Program = async (process, world) => {
  const { random } = world
  while (!world.isEnding) {
    const member = `${process.name}/${world.recording.number()}`
    const consumer = process.log.consumer({ groupId: GROUP, topics: ['in'], maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
    consumer.on('assigned', (partitions) => {
      for (const at of partitions) world.recording.positioned(member, 'in', at.partition, consumer.position(at))
    })
    const producer = process.log.producer({
      transactionalId: `of ${member}`,
      transactionTimeoutMs: 4000,
      compression: drawCompression(world),
    })
    try {
      await copyBatches(process, world, member, consumer, producer)
      await process.whileAlive(consumer.close())
    } catch (error) {
      note(world, process, error)
      consumer.close().catch(() => {})
    }
    await process.sleep(random.unit() * 20)
  }
}

async function copyBatches(
  process: SimulatedProcess,
  world: World,
  member: string,
  consumer: Consumer<'in'>,
  producer: TransactionalProducer,
): Promise<void> {
  const { random, recording } = world
  const batches = consumer.batches({ maxRecords: 1 + random.below(6) })[Symbol.asyncIterator]()
  // Some leave in the middle of their work, so that the group is shared anew.
  for (let left = random.chance(0.3) ? 5 + random.below(10) : 1e9; left > 0 && !world.isEnding; left--) {
    const next = process.whileAlive(batches.next())
    const { value: batch } = await Promise.race([next, ending(process, world)])
    if (batch === undefined) break
    recording.polled(member, 'read_committed', 'in', batch.partition, textsOf(world, batch))
    try {
      await copyOne(process, world, consumer, producer, batch)
    } catch (error) {
      note(world, process, error)
      if (LogError.is(error, 'PRODUCER_FENCED')) throw error
      const isHeld = consumer.assignment().some(({ partition }) => partition === batch.partition)
      if (isHeld) recording.positioned(member, 'in', batch.partition, consumer.position(batch))
    }
  }
}

/** Nobody waits for a batch that doesn't come. */
async function ending(process: SimulatedProcess, world: World): Promise<{ value: undefined }> {
  while (!world.isEnding) await process.sleep(100)
  return { value: undefined }
}

async function copyOne(
  process: SimulatedProcess,
  world: World,
  consumer: Consumer<'in'>,
  producer: TransactionalProducer,
  batch: RecordBatch<'in'>,
): Promise<void> {
  const { recording, random } = world
  const transaction = await process.whileAlive(begin(process, world, producer))
  const end = recording.begin(process.name)
  // Long enough to be put out of the group, whose other members go on with the batch.
  if (random.chance(0.04)) await process.sleep(MAX_POLL_INTERVAL_MS * (1 + random.unit() * 2))
  try {
    await process.whileAlive(transaction.sendOffsets(consumer as never, batch as never))
    recording.offsets.push({ partition: batch.partition, offset: batch.nextOffset, transaction: end.id })
    const sends = textsOf(world, batch).map(({ value }) => {
      // The same input twice is two sends, of which at most one may come to anything.
      const text = `${value}/${recording.number()}`
      const partition = random.below(PARTITIONS)
      return recording.send({ topic: 'out', partition, producer: process.name, value: text, transaction: end.id })
    })
    const records = sends.map(({ partition, value }) => ({ topic: 'out', partition, value }))
    const results = await process.whileAlive(transaction.send(records))
    recording.acknowledged(sends, results)
    if (random.chance(0.2)) await process.sleep(random.unit() * 30)
  } catch (error) {
    await process.whileAlive(transaction.abort())
    throw error
  }
  if (random.chance(0.1)) await process.whileAlive(transaction.abort())
  else await commit(process, world, end, () => transaction.commit())
  if (end.outcome === 'aborted') throw new LogError('TRANSACTION_ABORTABLE', 'on purpose')
}

/** The batch in hand is lost to this member unless a transaction takes it. */
async function begin(process: SimulatedProcess, world: World, producer: TransactionalProducer) {
  for (;;) {
    try {
      return await producer.beginTransaction()
    } catch (error) {
      if (LogError.is(error, 'PRODUCER_FENCED', 'PRODUCER_CLOSED')) throw error
      note(world, process, error)
      await process.sleep(5)
    }
  }
}

/** Input is copied to output by a group, exactly once. */
export const GROUPS: Story = {
  async prepare(process, world) {
    const config = topicConfig(world)
    for (const topic of ['in', 'out']) {
      await process.log.admin.createTopic(topic, { partitions: PARTITIONS, config })
    }
    await fill(process, world, 'in')
  },
  program: copy,
  follow: (process, world) => follow(process, world, 'out', seenFromStart(world, 'out')),
  isDone: async ({ log }, world) => (await inputsLeft(log, world)) === 0,
  async end(process, world) {
    const { recording } = world
    for (const topic of ['in', 'out']) recording.finalReads.push(...(await readTopic(process, world, topic)))
    const [group] = await process.log.admin.listGroups()
    for (const partition of ALL_PARTITIONS) {
      const offset = group?.offsets.find((each) => each.partition === partition)?.nextOffset ?? -1
      recording.finalOffsets.push({ group: GROUP, topic: 'in', partition, offset })
    }
  },
  judge: (world) => [...judgeHistory(world), ...judgeEnd(world.recording, 'group')],
}

/** Of the one group that there is. */
export async function inputsLeft({ admin }: SimulatedProcess['log'], { plan }: World): Promise<number> {
  const [group] = await admin.listGroups()
  return plan.settings.inputs - (group?.offsets ?? []).reduce((sum, { nextOffset }) => sum + nextOffset, 0)
}
