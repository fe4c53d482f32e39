// A topic is deleted and created again while somebody is in the middle of it: nobody takes records of one topic for
// those of the other.
import { rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AdminSession } from '../../bindings/broker/admin-session.ts'
import { LogAdmin } from '../../bindings/client/admin/admin.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import {
  type Consumer,
  type EmbeddedLog,
  type Log,
  LogError,
  open,
  openMemory,
  string,
  topic,
} from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { scratchDirectory } from '../scratch.ts'
import { FakePort, settle } from './fake-port.ts'
import { failure } from './support.ts'

const T = topic('t', { value: string })
const GROUP = { groupId: 'g', topics: [T] }

function send(log: Log, prefix: string, count: number) {
  return log
    .producer()
    .send(Array.from({ length: count }, (_, index) => T.record({ key: 'k', value: `${prefix}${index}` })))
}

/** With more records than it had: so every offset of the old topic exists in the new one, too. */
async function makeAgain(log: Log): Promise<void> {
  await log.admin.deleteTopic('t')
  await log.admin.createTopic('t')
  await send(log, 'new', 5)
}

/** As another process has it. */
async function adminOver({ broker, recovery }: Held): Promise<AdminSession> {
  const [mine, theirs] = loopback()
  new ServedChannel(theirs, broker, recovery, new Set())
  const attached = new AttachedBroker(async () => mine, new FakePort())
  await attached.open()
  return attached.admin
}

/** What the next iteration delivers first. */
async function nextOf(consumer: Consumer<typeof T>): Promise<string | null> {
  for await (const { value } of consumer) return value
  return null
}

for (const where of ['in the process that holds the log', 'in one that is attached'] as const) {
  const run = (name: string, body: (log: EmbeddedLog) => Promise<void>) => {
    test(`${name}, ${where}`, async () => {
      const directory = scratchDirectory('recreated')
      const holder = await open(directory, { topics: [T] })
      const log = where === 'in one that is attached' ? await open(directory) : holder
      await send(log, 'old', 3)
      await body(log)
      await log.close()
      await holder.close()
      rmSync(directory, { recursive: true })
    })
  }

  run(
    'a member of a group with a record in hand can’t commit it to the new topic, and reads that from its start',
    async (log) => {
      const consumer = log.consumer(GROUP)
      const events: string[] = []
      for (const event of ['assigned', 'revoked', 'lost'] as const) consumer.on(event, () => void events.push(event))
      const values: (string | null)[] = []
      for await (const record of consumer) {
        values.push(record.value)
        if (record.value === 'old2') {
          await makeAgain(log)
          const { message, details } = await failure('UNKNOWN_TOPIC_ID', () => consumer.commit(record))
          assert.match(message, `topic "t" with id ${details['topicId']} is gone`)
          assert.is(details['topic'], 't')
          assert.is(await consumer.committed({ topic: 't', partition: 0 }), undefined)
        }
        if (record.value === 'new4') {
          await consumer.commit(record)
          break
        }
      }
      assert.equal(values, ['old0', 'old1', 'old2', 'new0', 'new1', 'new2', 'new3', 'new4'])
      assert.equal(events, ['assigned', 'lost', 'assigned'])
      assert.is(await consumer.committed({ topic: 't', partition: 0 }), 5)
      await consumer.close()
    },
  )

  run('offsets in a transaction are refused the same way', async (log) => {
    const consumer = log.consumer(GROUP)
    for await (const record of consumer) {
      await makeAgain(log)
      const producer = log.producer({ transactionalId: 'id' })
      await failure('UNKNOWN_TOPIC_ID', () => producer.transaction((scope) => scope.sendOffsets(consumer, record)))
      break
    }
    assert.is(await nextOf(consumer), 'new0')
    await consumer.close()
  })

  run('a reader of a topic that is deleted and created again ends', async (log) => {
    const values: (string | null)[] = []
    await failure('UNKNOWN_TOPIC_ID', async () => {
      for await (const { value } of log.read(T)) {
        values.push(value)
        if (value === 'old2') await makeAgain(log)
      }
    })
    assert.equal(values, ['old0', 'old1', 'old2'])
  })

  // Regression: it read the new topic up to where the old one ended, or waited for that.
  run('a reader whose end is the old topic’s is refused when it is iterated again', async (log) => {
    const reader = log.read(T, { until: 'end' })
    const values: (string | null)[] = []
    for await (const { value } of reader) values.push(value)
    assert.equal(values, ['old0', 'old1', 'old2'])
    await log.admin.deleteTopic('t')
    await log.admin.createTopic('t')
    await send(log, 'new', 1)
    const { details } = await failure('UNKNOWN_TOPIC_ID', async () => {
      for await (const { value } of reader) values.push(value)
    })
    assert.is(details['topic'], 't')
    assert.is(values.length, 3)
  })

  run(
    'a partition that the new topic has no more is lost, not given up: nothing of it can be committed',
    async (log) => {
      await log.admin.createPartitions('t', 2)
      const consumer = log.consumer(GROUP)
      const events: string[] = []
      for (const event of ['assigned', 'revoked', 'lost'] as const) {
        consumer.on(event, async (partitions) => {
          events.push(...partitions.map(({ partition }) => `${event} ${partition}`))
          if (event === 'revoked') await consumer.commit(partitions.map((at) => ({ ...at, nextOffset: 0 })))
        })
      }
      await consumer.lag()
      await makeAgain(log)
      assert.is(await nextOf(consumer), 'new0')
      assert.equal(events, ['assigned 0', 'assigned 1', 'lost 0', 'lost 1', 'assigned 0'])
      await consumer.close()
    },
  )
}

// Regression: the new topic's partition went on at the old one's offset, and its first records were never delivered.
test('a seek to a time that found its offset in the old topic is refused', async () => {
  const { broker } = await openHeld(new MemoryStore(), new FakePort(), {})
  const log = new BrokerLog(broker, new FakePort())
  await log.admin.createTopic('t')
  await send(log, 'old', 3)
  const consumer = log.consumer(GROUP)
  await consumer.lag()
  const offsetsForTimestamp = broker.admin.offsetsForTimestamp.bind(broker.admin)
  broker.admin.offsetsForTimestamp = async (...asked) => {
    const found = await offsetsForTimestamp(...asked)
    await makeAgain(log)
    await settle()
    return found
  }
  const later = Number.MAX_SAFE_INTEGER
  const { message } = await failure('INVALID_REQUEST', () =>
    consumer.seek({ topic: 't', partition: 0, timestamp: later }),
  )
  assert.match(message, 'its topic was deleted and created again')
  assert.is(await nextOf(consumer), 'new0')
  await log.close()
})

// The offset of the old topic's end would lie before the new one's, and its first records would never be delivered.
for (const [call, group] of [
  ['resetOffsets', 'listGroups'],
  ['resetShareGroup', 'listShareGroups'],
] as const) {
  for (const asked of [group, 'offsets'] as const) {
    for (const isAttached of [false, true]) {
      test(`${call}: no group is moved to offsets of a topic that is made again after ${asked}, ${isAttached}`, async () => {
        const held = await openHeld(new MemoryStore(), new FakePort(), {})
        const { broker } = held
        const log = new BrokerLog(broker, new FakePort())
        await log.admin.createTopic('t')
        await send(log, 'old', 3)
        const topics = ['t']
        await log.admin[call]('g', { offset: 1 }, { topics })
        const admin = new LogAdmin(isAttached ? await adminOver(held) : broker.admin)
        const ask = broker.admin[asked].bind(broker.admin) as (...given: unknown[]) => Promise<never>
        let calls = 0
        broker.admin[asked] = async (...given: unknown[]) => {
          const answer = await ask(...given)
          // The first list of groups only tells which topics are meant.
          if (++calls === (asked === 'offsets' ? 1 : 2)) await makeAgain(log)
          return answer
        }
        const refused = await failure('UNKNOWN_TOPIC_ID', () => admin[call]('g', { shiftBy: 2 }))
        assert.is(refused.details['topic'], 't')
        broker.admin[asked] = ask
        const groups = await log.admin[group]()
        assert.equal(
          groups.flatMap(({ offsets }) => [...offsets] as unknown[]),
          [],
        )
        await log.close()
      })
    }
  }
}

test('a table stops, and its error names the topic', async () => {
  const config = { 'cleanup.policy': 'compact' }
  const log = await openMemory({ topics: [topic('t', { value: string, config })] })
  await send(log, 'old', 3)
  const table = await log.table(T)
  const deleted = log.admin.deleteTopic('t')
  // At the first possible moment: before those that wait at the old topic are told.
  for (let isMade = false; !isMade; ) {
    isMade = await log.admin.createTopic('t').then(
      () => true,
      (error) => {
        assert.ok(LogError.is(error, 'TOPIC_ALREADY_EXISTS'))
        return false
      },
    )
  }
  await deleted
  await send(log, 'new', 5)
  while (table.asOf.every(({ nextOffset }) => nextOffset === 3)) {
    try {
      table.get('k')
    } catch (error) {
      assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_ID'))
      break
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { details } = await failure('UNKNOWN_TOPIC_ID', async () => table.get('k'))
  assert.is(details['topic'], 't')
  await table.close()
  await log.close()
})

test.run()
