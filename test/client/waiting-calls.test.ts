// Calls that wait until their consumer is in its group, while its iteration ends: they wait for that join or for the
// next.
import * as assert from 'uvu/assert'
import { GroupConsumer } from '../../bindings/client/consumer/consumer.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { type OpenBroker, type OpenLog, test } from './stores.ts'

const AT = { topic: 't', partition: 0 }

async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await new Promise((resolve) => setImmediate(resolve))
}

/** A consumer that isn't in its group before another member joins again. */
async function waiting(openBroker: OpenBroker) {
  const broker = await openBroker()
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  const options = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 60_000 }
  const other = await broker.openConsumer(options)
  await other.join([])
  const consumer = new GroupConsumer(broker, nodePort, { groupId: 'g', topics: ['t'] }, () => {})
  const iteration = consumer[Symbol.asyncIterator]()
  const next = iteration.next()
  await turns()
  const members = async () => (await broker.admin.listGroups())[0]?.members ?? 0
  return { consumer, iteration, next, other, members }
}

test('a call that waits for the join of an iteration waits on when that ends', async (_, openBroker) => {
  const { consumer, iteration, next, other, members } = await waiting(openBroker)
  const committed = consumer.committed(AT)
  await turns()
  await iteration.return?.()
  assert.equal(await next, { done: true, value: undefined })
  assert.is(await members(), 2)
  await other.close()
  assert.is(await committed, undefined)
  assert.equal(consumer.assignment(), [AT])
  await consumer.close()
})

test('a call that comes while the join is given up with its iteration has the consumer join anew', async (_, openBroker) => {
  const { consumer, iteration, other, members } = await waiting(openBroker)
  const returned = iteration.return?.()
  const committed = consumer.committed(AT)
  await returned
  await turns()
  assert.is(await members(), 2)
  await other.close()
  assert.is(await committed, undefined)
  await consumer.close()
})

test('nobody but the iteration waits: it ends the join', async (_, openBroker) => {
  const { consumer, iteration, next, other, members } = await waiting(openBroker)
  await iteration.return?.()
  await next
  await turns()
  assert.is(await members(), 1)
  await other.close()
  await consumer.close()
})

test('who returns from an iteration that is over ends no wait of the one after it', async (_, openBroker) => {
  const { consumer, iteration, next, other } = await waiting(openBroker)
  await iteration.return?.()
  await next
  const again = consumer[Symbol.asyncIterator]()
  const nextAgain = again.next()
  let isAnswered = false
  const answered = () => {
    isAnswered = true
  }
  nextAgain.then(answered, answered)
  await turns()
  assert.equal(await iteration.return?.(), { done: true, value: undefined })
  await turns()
  assert.is(isAnswered, false)
  await other.close()
  await turns()
  assert.equal(consumer.assignment(), [AT])
  await again.return?.()
  assert.equal(await nextAgain, { done: true, value: undefined })
  await consumer.close()
})

test('a commit that waits for its join is earlier than one of a handler that is told of it', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.producer().send([0, 1, 2].map((each) => ({ topic: 't', value: `${each}` })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  consumer.on('assigned', () => consumer.commit([{ ...AT, nextOffset: 2 }]))
  await consumer.commit([{ ...AT, nextOffset: 1 }])
  assert.is(await consumer.committed(AT), 2)
  await log.close()
})

test('the next iteration takes the join over', async (_, openBroker) => {
  const { consumer, iteration, other } = await waiting(openBroker)
  const committed = consumer.committed(AT)
  await iteration.return?.()
  const again = consumer[Symbol.asyncIterator]()
  const next = again.next()
  await turns()
  await again.return?.()
  assert.equal(await next, { done: true, value: undefined })
  await other.close()
  assert.is(await committed, undefined)
  await consumer.close()
})

test('a close ends all of these waits', async (_, openBroker) => {
  const { consumer, iteration, other } = await waiting(openBroker)
  const committed = consumer.committed(AT).catch((error: unknown) => error)
  await iteration.return?.()
  await consumer.close()
  const error = await committed
  assert.ok(LogError.is(error, 'CONSUMER_CLOSED'), String(error))
  await other.close()
})

test('left at any moment of its join, an iteration ends, and what waits for that join has it', async (open) => {
  for (let moments = 0; moments < 40; moments++) {
    const log = await open()
    await log.admin.createTopic('t')
    let asked = 0
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    const consumer = log.consumer({
      ...{ groupId: 'g', topics: ['t'] },
      async positions() {
        asked++
        await gate
        return []
      },
    })
    const iteration = consumer[Symbol.asyncIterator]()
    const next = iteration.next()
    const lag = consumer.lag()
    for (let moment = 0; moment < moments; moment++) await Promise.resolve()
    await iteration.return?.()
    await next
    go()
    assert.is((await lag).size, 1)
    assert.is(asked, 1, `${moments}`)
    assert.is((await log.admin.describeGroup('g')).generation, 1, `${moments}`)
    await consumer.close()
    await log.close()
  }
})

/** A consumer that is a member, and waits for the end of a transaction to know where its partition begins. */
async function starting(open: OpenLog) {
  const log = await open()
  await log.admin.createTopic('t')
  await log.producer().send([1, 2, 3].map((value) => ({ topic: 't', value: `${value}` })))
  const before = log.consumer({ groupId: 'g', topics: ['t'] })
  await before.lag()
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.sendOffsets(before, [{ ...AT, nextOffset: 1 }], { allowSkip: true })
  await before.close()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const first = consumer.lag()
  await turns()
  return { log, transaction, consumer, first }
}

// Regression: it told of no partition, and refused a seek and a commit of what the member was about to have.
test('a call that comes while the join of another one waits for where its partitions begin waits too', async (open) => {
  const { log, transaction, consumer, first } = await starting(open)
  let answers = 0
  const waits = <T>(call: Promise<T>) => call.finally(() => answers++)
  const lag = waits(consumer.lag())
  const seek = waits(consumer.seek({ ...AT, nextOffset: 3 }))
  const commit = waits(consumer.commit([{ ...AT, nextOffset: 2 }]))
  assert.is(await consumer.committed(AT), undefined, 'that is known')
  await turns()
  assert.is(answers, 0)
  await transaction.commit()
  await Promise.all([first, seek, commit])
  assert.equal([...(await lag).keys()], ['t/0'])
  assert.equal([consumer.position(AT), await consumer.committed(AT)], [3, 2])
  await log.close()
})

test('a close ends those that wait for where partitions begin', async (open) => {
  const { log, transaction, consumer, first } = await starting(open)
  const lag = consumer.lag()
  const calls = [first, lag, consumer.seek({ ...AT, nextOffset: 3 })].map((call) =>
    call.catch((error: unknown) => error),
  )
  await consumer.close()
  for (const call of calls) assert.ok(LogError.is(await call, 'CONSUMER_CLOSED'))
  await transaction.abort()
  await log.close()
})

test.run()
