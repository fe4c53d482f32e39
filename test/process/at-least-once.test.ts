// process with delivery 'at-least-once': what fails for the moment is tried again, as it is in transactions.
import * as assert from 'uvu/assert'
import type { ConsumerSession } from '../../bindings/broker/consumer-session.ts'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { json, LogError, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import { until } from '../until.ts'

const counts = topic('counts', { key: string, value: unchecked<number>(json()) })
const REFUSALS = 2

// Regression: it gave up, where a processor in transactions goes on.
for (const what of ['what handle gave', 'a part of it', 'the offsets', 'its state'] as const) {
  test(`${what}: a disk that is full for a moment ends no processor`, async (_, openBroker) => {
    const broker = await openBroker()
    const log = new BrokerLog(broker, nodePort)
    for (const name of ['in', 'out']) await log.admin.createTopic(name)
    await log.admin.createTopic('counts', { config: { 'cleanup.policy': 'compact' } })
    await log.producer().send(['a', 'b'].map((value) => ({ topic: 'in', key: 'k', value })))
    let refusals = 0
    const refusing = <A extends unknown[], R>(call: (...given: A) => Promise<R>) => {
      return (...given: A): Promise<R> =>
        ++refusals <= REFUSALS ? Promise.reject(new LogError('STORAGE_FULL', 'by the test')) : call(...given)
    }
    if (what === 'what handle gave' || what === 'a part of it') {
      const openProducer = broker.openProducer.bind(broker)
      broker.openProducer = async () => {
        const session: ProducerSession = await openProducer()
        const append = session.append.bind(session)
        const refused = refusing(append)
        session.append = (request) => (what === 'a part of it' && request.topic !== 'out' ? append : refused)(request)
        Object.assign(session, { appendBorrowed: undefined })
        return session
      }
    } else if (what === 'the offsets') {
      const openConsumer = broker.openConsumer.bind(broker)
      broker.openConsumer = async (options) => {
        const session: ConsumerSession = await openConsumer(options)
        session.commit = refusing(session.commit.bind(session))
        return session
      }
    } else {
      const offsets = broker.admin.offsets.bind(broker.admin)
      const refused = refusing(offsets)
      broker.admin.offsets = (at) => (at[0]?.topic === 'counts' ? refused(at) : offsets(at))
    }
    const seen: string[] = []
    const processor = log.process({
      ...{ groupId: 'g', topics: ['in'], delivery: 'at-least-once', state: { counts: store(counts) } },
      async handle({ key, value }, { state }) {
        const count = ((await state.counts.get('k')) ?? 0) + 1
        state.counts.set('k', count)
        seen.push(new TextDecoder().decode(value ?? undefined))
        return { topic: 'out', key, value: `${count}` }
      },
    })
    const committed = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.nextOffset
    await Promise.race([until(async () => (await committed()) === 2), processor.done])
    assert.is(await committed(), 2)
    assert.ok(refusals > REFUSALS)
    assert.equal(seen.slice(-2), ['a', 'b'])
    await processor.close()
    // Only where it was sent before the failure may state count a record again.
    const totals: (number | null)[] = []
    for await (const { value } of log.read(counts, { until: 'end' })) totals.push(value)
    assert.is(totals.at(-1), what === 'the offsets' || what === 'a part of it' ? 2 * (REFUSALS + 1) : 2)
    await log.close()
  })
}

test('what a batch waited for before it succeeded makes no later batch wait longer', async (_, openBroker) => {
  const broker = await openBroker()
  const waitsMs: number[] = []
  const setTimer: typeof nodePort.setTimer = (delayMs, callback, options) => {
    waitsMs.push(delayMs)
    return nodePort.setTimer(delayMs, callback, options)
  }
  const log = new BrokerLog(broker, { ...nodePort, setTimer })
  await log.admin.createTopic('in')
  await log.producer().send(['a', 'b'].map((value) => ({ topic: 'in', value })))
  const openConsumer = broker.openConsumer.bind(broker)
  let commits = 0
  broker.openConsumer = async (options) => {
    const session: ConsumerSession = await openConsumer(options)
    const commit = session.commit.bind(session)
    session.commit = async (...given) => {
      if (++commits % (REFUSALS + 1) > 0) throw new LogError('STORAGE_FULL', 'by the test')
      return commit(...given)
    }
    return session
  }
  const options = { groupId: 'g', topics: ['in'], delivery: 'at-least-once', maxRecords: 1 } as const
  const processor = log.process({ ...options, async handle() {} })
  const committed = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.nextOffset
  await Promise.race([until(async () => (await committed()) === 2), processor.done])
  assert.equal(
    waitsMs.filter((each) => [10, 20, 40, 80].includes(each)),
    [10, 20, 10, 20],
  )
  await processor.close()
  await log.close()
})

// Regression: what it made of the state of then took the place of what others had made since, for good.
for (const isClosed of [false, true]) {
  const how = isClosed ? ', while it is closed' : ''
  test(`a member that the group put out while it handled a record${how} changes no state of those that went on`, async (_, openBroker) => {
    const log = new BrokerLog(await openBroker(), nodePort)
    await log.admin.createTopic('in')
    await log.admin.createTopic('counts', { config: { 'cleanup.policy': 'compact' } })
    await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 'in', value })))
    const counting = {
      groupId: 'g',
      topics: ['in'],
      delivery: 'at-least-once',
      state: { counts: store(counts) },
    } as const
    const held = gate()
    const handled: string[] = []
    const slow = log.process({
      ...{ ...counting, maxPollIntervalMs: 40 },
      async handle(_record, { state }) {
        const count = ((await state.counts.get('k')) ?? 0) + 1
        if (handled.push('slow') === 1) await held.opened
        state.counts.set('k', count)
      },
    })
    await until(() => handled.length === 1)
    const closing = isClosed ? slow.close() : undefined
    const other = log.process({
      ...counting,
      async handle(_record, { state }) {
        state.counts.set('k', ((await state.counts.get('k')) ?? 0) + 1)
      },
    })
    const committed = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.nextOffset
    await until(async () => (await committed()) === 3)
    held.open()
    if (isClosed) await closing
    else await until(async () => (await log.admin.describeGroup('g')).members.length === 2)
    await slow.close()
    await other.close()
    const totals: (number | null)[] = []
    for await (const { value } of log.read(counts, { until: 'end' })) totals.push(value)
    assert.equal(totals, [3])
    await log.close()
  })
}

test.run()
