import * as assert from 'uvu/assert'
import {
  type BatchOf,
  type Consumer,
  type EmbeddedLog,
  type TransactionScope,
  string as text,
  topic,
} from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'
import { failure, take } from './support.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

const input = topic('input', { value: text, partitions: 1 })
const output = topic('output', { value: text, partitions: 1 })
const place = { topic: 'input', partition: 0 }

async function withLog(open: OpenLog, run: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const log = await open({ topics: [input, output] })
  try {
    await log.producer().send(['0', '1', '2', '3', '4', '5'].map((value) => ({ topic: 'input', value })))
    await run(log)
  } finally {
    await log.close()
  }
}

async function written(log: EmbeddedLog): Promise<(string | null)[]> {
  const seen: (string | null)[] = []
  for await (const { value } of log.read(output, { until: 'end' })) seen.push(value)
  return seen
}

/** Works through the input in batches of two; resolves with the values of each delivery. */
async function workThrough(
  consumer: Consumer<typeof input>,
  work: (batch: BatchOf<typeof input>, delivery: number) => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = []
  for await (const batch of consumer.batches({ maxRecords: 2 })) {
    const { nextOffset } = batch
    await work(batch, seen.push([...batch].map(({ value }) => value).join('')))
    if (nextOffset === 6) break
  }
  return seen
}

async function sendOn(transaction: TransactionScope, batch: BatchOf<typeof input>): Promise<void> {
  for (const { value } of batch) await transaction.send({ topic: 'output', value })
}

test('offsets are committed with the transaction, and nobody sees them before', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const [batch] = await take(consumer.batches({ maxRecords: 2 }), 1)
    await producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, batch!)
      assert.is(await consumer.committed(place), undefined)
    })
    assert.is(await consumer.committed(place), 2)
  }))

test('after an abort the next batch is the aborted one again', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    let failures = 0
    const seen = await workThrough(consumer, (batch) =>
      producer
        .transaction(async (transaction) => {
          await sendOn(transaction, batch)
          await transaction.sendOffsets(consumer, batch)
          if (batch.baseOffset === 2 && failures++ < 2) throw new Error('not this time')
        })
        .catch(() => {}),
    )
    assert.equal(seen, ['01', '23', '23', '23', '45'])
    assert.equal(await written(log), ['0', '1', '2', '3', '4', '5'])
    assert.is(await consumer.committed(place), 6)
  }))

for (const how of ['a transaction', 'a plain commit'] as const) {
  test(`after an abort the next record is the first that was not committed, by ${how}`, (open) =>
    withLog(open, async (log) => {
      const consumer = log.consumer({ groupId: 'g', topics: [input] })
      const producer = log.producer({ transactionalId: 'id' })
      const seen: (string | null)[] = []
      let isFirst = true
      for await (const record of consumer) {
        seen.push(record.value)
        if (record.value === '1' && how === 'a plain commit') await consumer.commit(record)
        else if (record.value === '1') await producer.transaction((each) => each.sendOffsets(consumer, record))
        if (record.value === '3' && isFirst) {
          isFirst = false
          const transaction = await producer.beginTransaction()
          await transaction.sendOffsets(consumer, record)
          await transaction.abort()
        }
        if (record.value === '5') break
      }
      assert.equal(seen, ['0', '1', '2', '3', '2', '3', '4', '5'])
    }))
}

test('a batch that another run of the work commits is not delivered again', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const seen = await workThrough(consumer, (batch) =>
      producer.transaction(
        async (transaction, { attempt }) => {
          await sendOn(transaction, batch)
          await transaction.sendOffsets(consumer, batch)
          if (attempt < 3) throw new Error('not this time')
        },
        { retries: 2 },
      ),
    )
    assert.equal(seen, ['01', '23', '45'])
    assert.equal(await written(log), ['0', '1', '2', '3', '4', '5'])
  }))

test('an abort before sendOffsets leaves the consumer where it is: the transaction knows nothing of it', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const [batch] = await take(consumer.batches({ maxRecords: 2 }), 1)
    await producer.transaction(() => Promise.reject(new Error('too early'))).catch(() => {})
    assert.is(consumer.position(place), 2)
    const refused = producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, batch!)
      throw new Error('late enough')
    })
    await refused.catch(() => {})
    assert.is(consumer.position(place), 0)
  }))

test('a batch whose sendOffsets the log refused is delivered again, as after an abort', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const seen = await workThrough(consumer, async (batch, delivery) => {
      const transaction = await producer.beginTransaction()
      await sendOn(transaction, batch)
      if (delivery === 2) {
        // As its timeout does.
        await log.admin.abortTransaction('id')
        await failure('TRANSACTION_ABORTABLE', () => transaction.sendOffsets(consumer, batch))
        await transaction.abort()
      } else {
        await transaction.sendOffsets(consumer, batch)
        await transaction.commit()
      }
    })
    assert.equal(seen, ['01', '23', '23', '45'])
    assert.equal(await written(log), ['0', '1', '2', '3', '4', '5'])
  }))

test('sendOffsets refuses to pass unfinished records unless allowSkip says so', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    await take(consumer, 1)
    const end = [{ ...place, nextOffset: 6 }]
    await failure('UNFINISHED_RECORDS', () =>
      producer.transaction((transaction) => transaction.sendOffsets(consumer, end)),
    )
    await producer.transaction((transaction) => transaction.sendOffsets(consumer, end, { allowSkip: true }))
    assert.is(await consumer.committed(place), 6)
  }))

test('a sendOffsets that passes unfinished records is refused, and leads back to them', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const seen = await workThrough(consumer, async (batch, delivery) => {
      const done = delivery === 2 ? [{ ...place, nextOffset: batch.nextOffset }] : batch
      const work = producer.transaction(async (transaction) => {
        await sendOn(transaction, batch)
        await transaction.sendOffsets(consumer, done)
      })
      if (delivery === 2) await failure('UNFINISHED_RECORDS', () => work)
      else await work
    })
    assert.equal(seen, ['01', '23', '23', '45'])
    assert.equal(await written(log), ['0', '1', '2', '3', '4', '5'])
  }))

test('a record that was given up since its delivery aborts the transaction (KIP-447)', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const [record] = await take(consumer, 1)
    await consumer.close()
    const next = log.consumer({ groupId: 'g', topics: [input] })
    await take(next, 1)
    await failure('CONSUMER_CLOSED', () =>
      producer.transaction(async (transaction) => {
        await transaction.send({ topic: 'output', value: 'x' })
        await transaction.sendOffsets(consumer, record!)
      }),
    )
    assert.equal(await written(log), [])
    await failure('ILLEGAL_GENERATION', () =>
      producer.transaction((transaction) => transaction.sendOffsets(next, record!)),
    )
  }))

test('a member that joins waits for offsets that are not decided, and begins after them; others are told the old ones', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const [first] = await take(consumer, 1)
    await consumer.commit(first!)
    const [batch] = await take(consumer.batches({ maxRecords: 2 }), 1)
    const transaction = await producer.beginTransaction()
    await transaction.sendOffsets(consumer, batch!)
    assert.is(await consumer.committed(place), 1)
    await consumer.close()
    let isDelivered = false
    const next = take(log.consumer({ groupId: 'g', topics: [input] }), 1).finally(() => {
      isDelivered = true
    })
    while ((await log.admin.listGroups())[0]?.state !== 'Stable') await turn()
    for (let count = 0; count < 50; count++) await turn()
    assert.not(isDelivered, 'it has its partition, and nothing of it')
    assert.equal((await log.admin.listGroups())[0]?.offsets, [{ ...place, nextOffset: 1 }])
    await transaction.commit()
    assert.is((await next)[0]?.value, '3')
  }))

test('a consumer of another log is refused', (open) =>
  withLog(open, async (log) => {
    const other = await open({ topics: [input] })
    await other.producer().send({ topic: 'input', value: 'x' })
    const foreign = other.consumer({ groupId: 'g', topics: [input] })
    const [record] = await take(foreign, 1)
    const producer = log.producer({ transactionalId: 'id' })
    await failure('INVALID_REQUEST', () =>
      producer.transaction((transaction) => transaction.sendOffsets(foreign, record!)),
    )
    await other.close()
  }))

test('a wait for the end of another transaction ends with its signal, and with close', (open) =>
  withLog(open, async (log) => {
    const first = log.consumer({ groupId: 'g', topics: [input] })
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    const [batch] = await take(first.batches({ maxRecords: 2 }), 1)
    await transaction.sendOffsets(first, batch!)
    await first.close()
    const stop = new AbortController()
    const stopped = new Error('stop')
    const second = log.consumer({ groupId: 'g', topics: [input] })
    const waiting = take(second.batches({ signal: stop.signal }), 1).catch((error: unknown) => error)
    while ((await log.admin.listGroups())[0]?.state !== 'Stable') await turn()
    stop.abort(stopped)
    assert.is(await waiting, stopped)
    const again = take(second, 1)
    while ((await log.admin.listGroups())[0]?.state !== 'Stable') await turn()
    await second.close()
    assert.equal(await again, [])
    await transaction.commit()
  }))

test('a member that is assigned such a partition keeps those that it has, and gets the new one once the transaction is over', async (open) => {
  const log = await open()
  await log.admin.createTopic('two', { partitions: 2 })
  await log.producer().send([0, 1].map((partition) => ({ topic: 'two', partition, value: `${partition}` })))
  const first = log.consumer({ groupId: 'g', topics: ['two'] })
  await first.lag()
  const second = log.consumer({ groupId: 'g', topics: ['two'] })
  await second.lag()
  while (first.assignment().length !== 1 || second.assignment().length !== 1) await turn()
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  const [record] = await take(first, 1)
  await transaction.sendOffsets(first, record!)
  const stop = new AbortController()
  const stopped = new Error('stop')
  const reading = (async () => {
    for await (const batch of second.batches({ signal: stop.signal })) await second.commit(batch)
  })().catch((error: unknown) => error)
  await first.close()
  while ((await log.admin.listGroups())[0]?.state !== 'Stable') await turn()
  for (let count = 0; count < 20; count++) await turn()
  stop.abort(stopped)
  assert.is(await reading, stopped)
  assert.is(second.assignment().length, 1)
  await transaction.abort()
  const [again] = await take(second, 1)
  assert.equal([again?.partition, again?.offset], [record?.partition, 0])
  await log.close()
})

test('a log that closes ends the waits for the end of a transaction', async (_, openBroker) => {
  const broker = await openBroker()
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  const options = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 60_000 }
  const session = await broker.openConsumer(options)
  const at = [{ topic: 't', partition: 0 }]
  const { generation, members } = await session.join([])
  await session.sync(generation, [{ memberId: members[0]?.memberId ?? '', partitions: at }])
  const producer = await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })
  await producer.begin()
  await producer.sendOffsets(session, [{ topic: 't', partition: 0, nextOffset: 0 }], generation)
  const waiting = session.committed(at, { requireStable: true }).then(
    (offsets) => offsets,
    (error: { code: string }) => error.code,
  )
  await broker.close()
  assert.is(await waiting, 'LOG_CLOSED')
})

// The answer to the commit came after the seek, and the abort then skipped the records that the seek had gone back to.
test('after a seek an abort leads back to there, whatever was being committed meanwhile', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: [input] })
    const producer = log.producer({ transactionalId: 'id' })
    const [batch] = await take(consumer.batches(), 1)
    await Promise.all([consumer.commit(batch!), consumer.seek({ ...place, nextOffset: 1 })])
    const [again] = await take(consumer.batches({ maxRecords: 2 }), 1)
    assert.is(again?.baseOffset, 1)
    const transaction = await producer.beginTransaction()
    await transaction.sendOffsets(consumer, again!)
    await transaction.abort()
    assert.is(consumer.position(place), 1)
  }))

test.run()
