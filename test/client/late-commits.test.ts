// A member that the group put out, or that gave a partition up, can't commit to it any more, whatever happened to the
// group since and whenever the call was made.
import * as assert from 'uvu/assert'
import type { Assignor } from '../../bindings/client/consumer/assignor.ts'
import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import type { Consumer, TransactionalProducer } from '../../bindings/entry/node.ts'
import { FakePort, settle } from './fake-port.ts'
import { type OpenBroker, test } from './stores.ts'
import { failure, gate, take } from './support.ts'

const at = { topic: 't', partition: 0 }
const config = { 'retention.ms': -1 }

interface Stand {
  readonly port: FakePort
  readonly log: Log
  readonly broker: EmbeddedBroker
}

async function opened(openBroker: OpenBroker): Promise<Stand> {
  const port = new FakePort()
  const broker = await openBroker(port)
  const log = new BrokerLog(broker, port)
  for (const topic of ['t', 'out']) await log.admin.createTopic(topic, { config })
  const sent = log.producer().send(Array.from({ length: 10 }, (_, index) => ({ topic: 't', value: `${index}` })))
  await port.advance(10)
  await sent
  return { port, log, broker }
}

/** A member that was put out while it has a batch in hand, and doesn't know it. */
async function putOut({ port, log }: Stand) {
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 1000 })
  const batches = consumer.batches({ maxRecords: 5 })[Symbol.asyncIterator]()
  const { value: batch } = await batches.next()
  await port.advance(3000)
  assert.is((await log.admin.listGroups())[0]?.members, 0)
  return { consumer, batches, batch }
}

// The positions went back to before what others had done, and their work was done twice: a group that was deleted began
// at generation 1 again, so the batch was of a later generation than the partition.
test('a batch that was delivered before the group was deleted is refused, by a transaction too', async (_, openBroker) => {
  const stand = await opened(openBroker)
  const { log, port } = stand
  for (let count = 0; count < 2; count++) {
    const before = log.consumer({ groupId: 'g', topics: ['t'] })
    await before.lag()
    await before.close()
  }
  const { consumer, batches, batch } = await putOut(stand)
  await log.admin.deleteGroup('g')
  await log.admin.setOffsets('g', [{ ...at, nextOffset: 8 }])
  assert.is((await batches.next()).value.baseOffset, 8)
  await failure('ILLEGAL_GENERATION', () => consumer.commit(batch))
  const copied = log.producer({ transactionalId: 'id' }).transaction(async (transaction) => {
    await transaction.sendOffsets(consumer, batch)
    await transaction.send([...batch].map(({ value }) => ({ topic: 'out', value })))
  })
  await failure('ILLEGAL_GENERATION', () => Promise.all([copied, port.advance(100)]))
  assert.is(await consumer.committed(at), 8)
  await log.close()
})

// A commit that nobody awaited joined anew, and wrote its positions as the new member.
test('a commit that was called just before the member learns that it was put out is refused', async (_, openBroker) => {
  const stand = await opened(openBroker)
  const { consumer, batches, batch } = await putOut(stand)
  await stand.log.admin.setOffsets('g', [{ ...at, nextOffset: 8 }])
  const committing = failure('ILLEGAL_GENERATION', () => consumer.commit(batch))
  const next = batches.next()
  await committing
  assert.is((await next).value.baseOffset, 8)
  assert.is(await consumer.committed(at), 8)
  await stand.log.close()
})

const newest: Assignor = { name: 'newest', assign: (members) => new Map([[members.at(-1)?.memberId ?? '', [at]]]) }

// The commit was refused because the group had moved on, and then written under the generation in which another member
// had the partition.
test('a commit that is under way while its partition moves is refused', async (_, openBroker) => {
  const { log, broker } = await opened(openBroker)
  const onItsWay = gate()
  const openConsumer = broker.openConsumer.bind(broker)
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const commit = session.commit.bind(session)
    session.commit = (...positions) => onItsWay.opened.then(() => commit(...positions))
    return session
  }
  const options = { groupId: 'g', topics: ['t'], assignor: newest }
  const first = log.consumer(options)
  const [batch] = await take(first.batches({ maxRecords: 5 }), 1)
  const committing = failure('ILLEGAL_GENERATION', async () => batch && first.commit(batch))
  const second = log.consumer(options)
  await second.lag()
  while (second.assignment().length === 0) await new Promise((resolve) => setImmediate(resolve))
  onItsWay.open()
  await committing
  assert.is(await second.committed(at), undefined)
  await log.close()
})

// The call rejected with REBALANCE_IN_PROGRESS, which consumers wait out by themselves: there was no rebalance to wait
// for.
test('a commit that a rebalance refused is told that the member was put out of it since', async (_, openBroker) => {
  const { port, log, broker } = await opened(openBroker)
  const told = gate()
  const openConsumer = broker.openConsumer.bind(broker)
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const commit = session.commit.bind(session)
    session.commit = (...positions) => commit(...positions).finally(() => told.opened)
    return session
  }
  const leader = await broker.openConsumer({
    groupId: 'g',
    topics: ['t'],
    assignors: ['range'],
    maxPollIntervalMs: 60_000,
  })
  const { generation } = await leader.join([])
  await leader.sync(generation, [])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 1000 })
  const batches = consumer.batches({ maxRecords: 5 })[Symbol.asyncIterator]()
  const delivery = batches.next()
  await settle()
  const joined = await leader.join([])
  const memberId = joined.members.at(-1)?.memberId ?? ''
  await leader.sync(joined.generation, [{ memberId, partitions: [at] }])
  const { value: batch } = await delivery
  // All join again, and nobody assigns until the commit was refused.
  const again = await leader.join([])
  const committing = failure('UNKNOWN_MEMBER_ID', () => consumer.commit(batch))
  await settle()
  await leader.sync(again.generation, [{ memberId, partitions: [at] }])
  await port.advance(3000)
  told.open()
  await committing
  await log.close()
})

/** Its first commit, or first offsets of a transaction, are sent to the log when `arrive` is called. */
function withLateOffsets(broker: EmbeddedBroker): () => void {
  let arrive = () => {}
  let onItsWay: Promise<void> | undefined = new Promise((resolve) => {
    arrive = resolve
  })
  const late = <A extends unknown[]>(call: (...given: A) => Promise<void>) => {
    return (...given: A) => {
      const before = onItsWay ?? Promise.resolve()
      onItsWay = undefined
      return before.then(() => call(...given))
    }
  }
  const openConsumer = broker.openConsumer.bind(broker)
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    session.commit = late(session.commit.bind(session))
    return session
  }
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    session.sendOffsets = late(session.sendOffsets.bind(session))
    return session
  }
  return () => arrive()
}

/** A member whose group moves on to another generation, in which it has the same partition, between two calls. */
async function movingOn({ log, broker }: Stand) {
  const arrive = withLateOffsets(broker)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const batches = consumer.batches({ maxRecords: 5 })[Symbol.asyncIterator]()
  const { value: batch } = await batches.next()
  const nextBatch = async () => {
    await log.admin.createPartitions('t', 2)
    await settle()
    const { value } = await batches.next()
    assert.is(consumer.assignment().length, 2)
    return value
  }
  return { consumer, arrive, batch, nextBatch }
}

// Regression: the first one was refused as of an older generation, and tried again after the second one, so that the
// group went back to before an offset that was acknowledged.
for (const [when, isAnswered] of [
  ['was answered', true],
  ['is under way', false],
] as const) {
  test(`a commit that is tried again moves the group back to before no later one that ${when}`, async (_, openBroker) => {
    const stand = await opened(openBroker)
    const { consumer, arrive, batch, nextBatch } = await movingOn(stand)
    const first = consumer.commit(batch)
    await settle()
    const second = consumer.commit(await nextBatch())
    if (isAnswered) await second
    arrive()
    await Promise.all([first, second])
    assert.is(await consumer.committed(at), 10)
    await stand.log.close()
  })
}

/** Where a transaction leads back to that says nothing new and is aborted. */
async function positionAfterAbort(producer: TransactionalProducer, consumer: Consumer): Promise<number | undefined> {
  const transaction = await producer.beginTransaction()
  await transaction.sendOffsets(consumer, [{ ...at, nextOffset: 10 }])
  await transaction.abort()
  return consumer.position(at)
}

test('nor do offsets of one transaction, and an abort leads back to what is committed', async (_, openBroker) => {
  const stand = await opened(openBroker)
  const { consumer, arrive, batch, nextBatch } = await movingOn(stand)
  const producer = stand.log.producer({ transactionalId: 'id' })
  const transaction = await producer.beginTransaction()
  const first = transaction.sendOffsets(consumer, batch)
  await settle()
  await transaction.sendOffsets(consumer, await nextBatch())
  arrive()
  await first
  await transaction.commit()
  assert.is(await consumer.committed(at), 10)
  assert.is(await positionAfterAbort(producer, consumer), 10)
  await stand.log.close()
})

test('a group that is deleted and created again goes on with higher generations', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const generations: (number | undefined)[] = []
  for (let count = 0; count < 3; count++) {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.lag()
    generations.push((await log.admin.listGroups())[0]?.generation)
    await consumer.close()
    await log.admin.deleteGroup('g')
  }
  assert.equal(generations, [1, 2, 3])
  await log.close()
})

// Regression: the group went back to before what a transaction had committed, whose records it delivered again.
test('a commit that is tried again comes before offsets that a transaction was given after it', async (_, openBroker) => {
  const stand = await opened(openBroker)
  const { consumer, arrive, batch, nextBatch } = await movingOn(stand)
  const transaction = await stand.log.producer({ transactionalId: 'id' }).beginTransaction()
  const first = consumer.commit(batch)
  await settle()
  const second = transaction.sendOffsets(consumer, await nextBatch())
  await settle()
  arrive()
  await Promise.all([first, second])
  await transaction.commit()
  assert.is(await consumer.committed(at), 10)
  await stand.log.close()
})

for (const next of ['a plain commit', 'offsets of another transaction'] as const) {
  test(`offsets of a transaction that are named again come before ${next} after them`, async (_, openBroker) => {
    const stand = await opened(openBroker)
    const { consumer, arrive, batch, nextBatch } = await movingOn(stand)
    const [one, other] = await Promise.all(
      ['one', 'other'].map((transactionalId) => stand.log.producer({ transactionalId }).beginTransaction()),
    )
    const first = one?.sendOffsets(consumer, batch)
    await settle()
    const later = await nextBatch()
    const second = next === 'a plain commit' ? consumer.commit(later) : other?.sendOffsets(consumer, later)
    await settle()
    arrive()
    await Promise.all([first, second])
    for (const each of [other, one]) await each?.commit()
    assert.is(await consumer.committed(at), 10)
    await stand.log.close()
  })
}

// Regression: the earlier call won, which had to wait for the join and with that for the handler.
for (const [earlier, later] of [
  ['plain', 'in a transaction'],
  ['in a transaction', 'plain'],
  ['in a transaction', 'in another one'],
] as const) {
  test(`a commit that waits for the join, ${earlier}, comes before one that a handler makes, ${later}`, async (_, openBroker) => {
    const { log } = await opened(openBroker)
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const one = await log.producer({ transactionalId: 'one' }).beginTransaction()
    const other = await log.producer({ transactionalId: 'other' }).beginTransaction()
    const commits = {
      plain: (nextOffset: number) => consumer.commit([{ ...at, nextOffset }]),
      'in a transaction': (nextOffset: number) => one.sendOffsets(consumer, [{ ...at, nextOffset }]),
      'in another one': (nextOffset: number) => other.sendOffsets(consumer, [{ ...at, nextOffset }]),
    }
    consumer.on('assigned', () => commits[later](8))
    await commits[earlier](3)
    await consumer.lag()
    // The one that is committed last: what was named last counts.
    for (const each of [other, one]) await each.commit()
    assert.is(await consumer.committed(at), 8)
    await log.close()
  })
}

// It rejected with what the handler threw, though a commit that is refused changes nothing.
test('a commit that waits for the join is done, whatever a handler of the first assignment throws after it', async (_, openBroker) => {
  const { log } = await opened(openBroker)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const mine = new Error('mine')
  consumer.on('assigned', () => {
    throw mine
  })
  const committing = consumer.commit([{ ...at, nextOffset: 3 }])
  const lag = consumer.lag().catch((error: unknown) => error)
  await committing
  assert.is(await lag, mine)
  const other = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.is(await other.committed(at), 3)
  await log.close()
})

// Regression: it led back to what the transaction had been given before.
test('an abort leads back to a plain commit that came while an earlier transaction was open', async (_, openBroker) => {
  const { log } = await opened(openBroker)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const batches = consumer.batches({ maxRecords: 5 })[Symbol.asyncIterator]()
  const producer = log.producer({ transactionalId: 'id' })
  const transaction = await producer.beginTransaction()
  await transaction.sendOffsets(consumer, (await batches.next()).value)
  await consumer.commit((await batches.next()).value)
  await transaction.commit()
  assert.is(await consumer.committed(at), 10)
  assert.is(await positionAfterAbort(producer, consumer), 10)
  await log.close()
})

test.run()
