// Groups, transactions and producers as an administrator sees and changes them: in the process that holds the log,
// attached, and over rows.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open, type ResetPoint } from '../../bindings/entry/node.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import { openIn } from './stores.ts'
import { failure, take } from './support.ts'

const at = { topic: 't', partition: 0 }
const both = [at, { topic: 't', partition: 1 }]

/** `work` with the log that asks and the one that holds: the same, and through the socket; and over rows. */
async function everywhere(work: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const rows = await openIn(() => new MemoryRowStore())
  await rows.admin.createTopic('t', { partitions: 2 })
  await work(rows)
  await rows.close()
  for (const role of ['holder', 'attached'] as const) {
    const root = await mkdtemp(join(tmpdir(), 'oncelog-admin-'))
    const logs = [await open(root)]
    try {
      if (role === 'attached') logs.push(await open(root))
      const log = logs.at(-1) as EmbeddedLog
      assert.is(log.role, role)
      await log.admin.createTopic('t', { partitions: 2 })
      await work(log)
    } finally {
      for (const log of logs.reverse()) await log.close()
      await rm(root, { recursive: true, force: true })
    }
  }
}

function sendTo(log: EmbeddedLog, partition: number, count: number, timestamp?: number): Promise<unknown> {
  return log.producer().send(Array.from({ length: count }, () => ({ topic: 't', value: 'x', partition, timestamp })))
}

test('a group: members with what they read, lag, and which transaction holds it back', async () => {
  await everywhere(async (log) => {
    await failure('GROUP_ID_NOT_FOUND', () => log.admin.describeGroup('g'))
    await sendTo(log, 0, 5)
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const [first] = await take(consumer, 1)
    await consumer.commit(first!)
    const older = await log.producer({ transactionalId: 'older' }).beginTransaction()
    await older.send({ ...at, value: 'x' })
    const younger = await log.producer({ transactionalId: 'younger' }).beginTransaction()
    await younger.send([0, 1].map(() => ({ ...at, value: 'x' })))
    const { members, ...group } = await log.admin.describeGroup('g')
    assert.equal(
      members.map(({ topics, partitions }) => ({ topics, partitions })),
      [{ topics: ['t'], partitions: both }],
    )
    assert.match(members[0]?.memberId ?? '', /^oncelog-/)
    assert.equal(group, {
      groupId: 'g',
      state: 'Stable',
      generation: 1,
      offsets: [
        { ...at, nextOffset: 1, lag: 4, heldBack: 3, heldBackBy: 'older' },
        { topic: 't', partition: 1, nextOffset: undefined, lag: 0, heldBack: 0, heldBackBy: undefined },
      ],
    })
    await older.commit()
    const [held] = (await log.admin.describeGroup('g')).offsets
    assert.equal([held?.lag, held?.heldBackBy], [5, 'younger'])
    await younger.abort()
    const [free] = (await log.admin.describeGroup('g')).offsets
    assert.equal([free?.heldBack, free?.heldBackBy], [0, undefined])
    await consumer.close()
    const left = await log.admin.describeGroup('g')
    assert.equal([left.state, left.members], ['Empty', []])
  })
})

test("the sum of a group's lag is what it has not read: partitions without an offset too, with members or without", async () => {
  await everywhere(async (log) => {
    await log.admin.createTopic('gone')
    await sendTo(log, 0, 5)
    await sendTo(log, 1, 7)
    const lags = async () =>
      (await log.admin.describeGroup('g')).offsets.map(({ nextOffset, lag }) => [nextOffset, lag])
    const consumer = log.consumer({ groupId: 'g', topics: ['t', 'gone'] })
    await consumer.lag()
    await log.admin.deleteTopic('gone')
    assert.equal(await lags(), [
      [undefined, 5],
      [undefined, 7],
    ])
    await consumer.commit([{ ...at, nextOffset: 5 }])
    await consumer.close()
    assert.equal(await lags(), [
      [5, 0],
      [undefined, 7],
    ])
    await log.admin.deleteRecords([{ topic: 't', partition: 1, beforeOffset: 3 }])
    assert.equal((await lags())[1], [undefined, 4], 'what is deleted nobody has to read')
  })
})

const RESETS: readonly (readonly [to: ResetPoint, expected: readonly number[]])[] = [
  ['earliest', [0, 0]],
  ['latest', [10, 4]],
  [{ timestamp: 2000 }, [5, 4]],
  [{ timestamp: 1 }, [0, 0]],
  [{ offset: 3 }, [3, 3]],
  // Within the partition, as Kafka's tool does it.
  [{ offset: 7 }, [7, 4]],
  [{ shiftBy: -1 }, [1, 1]],
  [{ shiftBy: -5 }, [0, 0]],
  [{ shiftBy: 100 }, [10, 4]],
]

test('reset to earliest, latest, a time, an offset, by so many: dryRun tells the same and changes nothing', async () => {
  await everywhere(async (log) => {
    const { admin } = log
    await sendTo(log, 0, 5, 1000)
    await sendTo(log, 0, 5, 2000)
    await sendTo(log, 1, 4, 1000)
    const offsets = async () => (await admin.describeGroup('g')).offsets.map(({ nextOffset }) => nextOffset)
    await failure('GROUP_ID_NOT_FOUND', () => admin.resetOffsets('g', 'earliest'))
    for (const [to, expected] of RESETS) {
      await admin.setOffsets(
        'g',
        both.map((place) => ({ ...place, nextOffset: 2 })),
      )
      const told = await admin.resetOffsets('g', to, { dryRun: true })
      assert.equal(
        told,
        both.map((place, index) => ({ ...place, nextOffset: expected[index], before: 2 })),
        JSON.stringify(to),
      )
      assert.equal(await offsets(), [2, 2])
      assert.equal(await admin.resetOffsets('g', to), told)
      assert.equal(await offsets(), expected)
    }
  })
})

test('a reset of topics: all their partitions, or only those named; a group that does not exist is created by it', async () => {
  await everywhere(async (log) => {
    await sendTo(log, 1, 4)
    const named = await log.admin.resetOffsets('new', 'latest', { topics: [{ topic: 't', partition: 1 }] })
    assert.equal(named, [{ topic: 't', partition: 1, nextOffset: 4, before: undefined }])
    await failure('INVALID_REQUEST', () => log.admin.resetOffsets('new', { shiftBy: 1 }, { topics: ['t'] }))
    const two = { offset: 1, timestamp: 1 }
    await failure('INVALID_REQUEST', () => log.admin.resetOffsets('new', two, { topics: ['t'] }))
    await log.admin.resetOffsets('new', 'earliest', { topics: ['t'] })
    const { offsets } = await log.admin.describeGroup('new')
    assert.equal(
      offsets.map(({ nextOffset }) => nextOffset),
      [0, 0],
    )
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.admin.resetOffsets('new', 'latest', { topics: ['no'] }))
    const absent = { topic: 't', partition: 2 }
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.admin.resetOffsets('new', 'latest', { topics: [absent] }))
  })
})

test('what is reset is what the list named at the call, whatever becomes of it', async () => {
  await everywhere(async (log) => {
    await sendTo(log, 0, 4)
    await sendTo(log, 1, 4)
    const topics = [{ ...at }, { topic: 't', partition: 1 }]
    const resetting = log.admin.resetOffsets('g', 'latest', { topics })
    Object.assign(topics[0] as object, { topic: 'other' })
    topics.length = 1
    const reset = await resetting
    assert.equal(
      reset.map(({ topic, partition, nextOffset }) => [topic, partition, nextOffset]),
      [
        ['t', 0, 4],
        ['t', 1, 4],
      ],
    )
  })
})

test('a reset never goes past an open transaction, and never under a member', async () => {
  await everywhere(async (log) => {
    await sendTo(log, 0, 2)
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    await transaction.send({ ...at, value: 'x' })
    for (const to of ['latest', { offset: 9 }] as const) {
      const [reset] = await log.admin.resetOffsets('g', to, { topics: [at] })
      assert.is(reset?.nextOffset, 2)
    }
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.lag()
    for (const dryRun of [true, false]) {
      await failure('NON_EMPTY_GROUP', () => log.admin.resetOffsets('g', 'earliest', { dryRun }))
    }
    await failure('NON_EMPTY_GROUP', () => log.admin.deleteGroup('g'))
    await consumer.close()
    await log.admin.deleteGroup('g')
    await failure('GROUP_ID_NOT_FOUND', () => log.admin.describeGroup('g'))
    await transaction.abort()
  })
})

test('transactions: listed and described through their states', async () => {
  await everywhere(async (log) => {
    const { admin } = log
    assert.equal(await admin.listTransactions(), [])
    const producer = log.producer({ transactionalId: 'b', transactionTimeoutMs: 5000 })
    const begun = Date.now()
    const transaction = await producer.beginTransaction()
    const [idle] = await admin.describeTransactions(['b'])
    assert.equal([idle?.state, idle?.timeoutMs, idle?.partitions], ['Ongoing', 5000, []])
    await transaction.send(both.map((place) => ({ ...place, value: 'x' })))
    const [ongoing] = await admin.describeTransactions(['b'])
    assert.equal([ongoing?.state, ongoing?.partitions], ['Ongoing', both])
    assert.ok((ongoing?.startTimestamp ?? 0) >= begun)
    await transaction.commit()
    await log.producer({ transactionalId: 'a' }).transaction((other) => other.send({ ...at, value: 'x' }))
    const all = await admin.listTransactions()
    assert.equal(
      all.map(({ transactionalId, state, startTimestamp, partitions }) => {
        return [transactionalId, state, startTimestamp, partitions]
      }),
      [
        ['a', 'CompleteCommit', undefined, []],
        ['b', 'CompleteCommit', undefined, []],
      ],
    )
    assert.equal(await admin.describeTransactions(['b', 'a']), [all[1], all[0]])
    await failure('TRANSACTIONAL_ID_NOT_FOUND', () => admin.describeTransactions(['a', 'c']))
  })
})

test('a transaction names a partition once, and none of a topic that is gone', async () => {
  await everywhere(async (log) => {
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    const partitions = async () => (await log.admin.listTransactions())[0]?.partitions
    await transaction.send(both.map((place) => ({ ...place, value: 'old' })))
    await log.admin.deleteTopic('t')
    assert.equal(await partitions(), [])
    await log.admin.createTopic('t')
    await transaction.send({ ...at, value: 'new' })
    assert.equal(await partitions(), [at])
    await transaction.commit()
  })
})

// In a message to another process a bigint became text, which a config may be.
test('a value that no config has is refused alike, wherever the log is held', async () => {
  await everywhere(async ({ admin }) => {
    for (const value of [5n, Symbol.iterator, () => 5, [5], new Date(5), undefined] as never[]) {
      await failure('INVALID_CONFIG', () => admin.alterConfig('t', { 'retention.ms': value }))
      await failure('INVALID_CONFIG', () => admin.createTopic('u', { config: { 'retention.ms': value } }))
    }
    assert.equal((await admin.describeTopic('t')).config, {})
  })
})

test('abort: readers go on; the producer is told by its next call, and goes on too', async () => {
  await everywhere(async (log) => {
    const { admin } = log
    const producer = log.producer({ transactionalId: 'id' })
    const transaction = await producer.beginTransaction()
    await transaction.send({ ...at, value: 'aborted' })
    await sendTo(log, 0, 1)
    await admin.abortTransaction('id')
    assert.is((await take(log.read('t', { until: 'end' }), 9)).length, 1)
    assert.is((await admin.describeTransactions(['id']))[0]?.state, 'CompleteAbort')
    await failure('TRANSACTION_ABORTABLE', () => transaction.commit())
    await failure('INVALID_TXN_STATE', () => admin.abortTransaction('id'))
    await failure('TRANSACTIONAL_ID_NOT_FOUND', () => admin.abortTransaction('other'))
    await producer.transaction((again) => again.send({ ...at, value: 'kept' }))
    assert.is((await take(log.read('t', { until: 'end' }), 9)).length, 2)
  })
})

test('fence: if one of the ids is misspelt, none of the producers is fenced', async () => {
  await everywhere(async (log) => {
    const transaction = await log.producer({ transactionalId: 'kept' }).beginTransaction()
    await transaction.send({ ...at, value: 'a' })
    await failure('TRANSACTIONAL_ID_NOT_FOUND', () => log.admin.fenceProducers(['kept', 'kpet']))
    await transaction.commit()
  })
})

test('an abort beside a fence, whichever comes first: the transaction is aborted, and nobody but its producer is fenced', async () => {
  await everywhere(async (log) => {
    const { admin } = log
    for (const comesFirst of ['fence', 'abort'] as const) {
      const transaction = await log.producer({ transactionalId: comesFirst }).beginTransaction()
      await transaction.send({ ...at, value: 'x' })
      const calls = [() => admin.fenceProducers([comesFirst]), () => admin.abortTransaction(comesFirst)]
      if (comesFirst === 'abort') calls.reverse()
      await Promise.all(calls.map((call) => call()))
      await failure('PRODUCER_FENCED', () => transaction.commit())
    }
  })
})

test('fence, before and after a commit and in the middle (AdminFenceProducersTest)', async () => {
  await everywhere(async (log) => {
    const { admin } = log
    await failure('TRANSACTIONAL_ID_NOT_FOUND', () => admin.fenceProducers(['id']))
    const open = log.producer({ transactionalId: 'id' })
    const transaction = await open.beginTransaction()
    await transaction.send({ ...at, value: 'fenced' })
    await admin.fenceProducers(['id'])
    await failure('PRODUCER_FENCED', () => transaction.commit())
    await failure('PRODUCER_FENCED', () => open.beginTransaction())
    const idle = log.producer({ transactionalId: 'id' })
    await idle.transaction((next) => next.send({ ...at, value: 'kept' }))
    await admin.fenceProducers(['id'])
    await failure('PRODUCER_FENCED', () => idle.beginTransaction())
    assert.is((await take(log.read('t', { until: 'end' }), 9)).length, 1)
    await log.producer({ transactionalId: 'id' }).transaction((next) => next.send({ ...at, value: 'kept' }))
    assert.is((await take(log.read('t', { until: 'end' }), 9)).length, 2)
  })
})

test('producers of a partition: last sequence, and whose open transaction holds readers back since which offset', async () => {
  await everywhere(async (log) => {
    await sendTo(log, 0, 3, 1234)
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    await transaction.send({ ...at, value: 'x' })
    const [first, second] = await log.admin.describeProducers(both)
    const found = [...(first?.producers ?? [])].sort((a, b) => a.lastSequence - b.lastSequence)
    assert.equal(
      found.map(({ lastSequence, currentTransactionStartOffset, transactionalId }) => {
        return { lastSequence, currentTransactionStartOffset, transactionalId }
      }),
      [
        { lastSequence: 0, currentTransactionStartOffset: 3, transactionalId: 'id' },
        { lastSequence: 2, currentTransactionStartOffset: undefined, transactionalId: undefined },
      ],
    )
    assert.is(found[1]?.lastTimestamp, 1234)
    assert.equal(second?.producers, [])
    await transaction.abort()
    const [after] = await log.admin.describeProducers([at])
    assert.ok(
      after?.producers.every(({ currentTransactionStartOffset }) => currentTransactionStartOffset === undefined),
    )
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.admin.describeProducers([{ topic: 't', partition: 2 }]))
  })
})

test.run()
