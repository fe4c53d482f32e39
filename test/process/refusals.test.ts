// process: what it refuses before its first record, and how a processor that gives up is noticed.

import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, json, LogError, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from '../client/stores.ts'
import { turns } from '../remote/support.ts'
import { until } from '../until.ts'

const payments = topic('payments', { value: string, partitions: 3 })

async function opened(open: OpenLog): Promise<EmbeddedLog> {
  const log = await open({ topics: [payments] })
  await log.producer().send(payments.record({ value: 'first' }))
  return log
}

test('state in a topic that loses values by their age is refused; in one that keeps them it is taken', async (open) => {
  const log = await opened(open)
  const changelog = topic('log', { key: string, value: unchecked<number>(json()), partitions: 3 })
  await log.admin.createTopic('log', { partitions: 3 })
  const options = { groupId: 'g', topics: [payments], state: { values: store(changelog) }, handle: async () => {} }
  const error = await log.process(options).done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
  assert.equal(error.details, { topic: 'log', key: 'cleanup.policy' })
  for (const config of [{ 'cleanup.policy': 'compact,delete' }, { 'cleanup.policy': 'delete', 'retention.ms': -1 }]) {
    await log.admin.alterConfig('log', config)
    const processor = log.process(options)
    const committed = async () => (await log.admin.listGroups()).some(({ offsets }) => offsets.length > 0)
    await until(committed)
    await processor.close()
    await processor.done
    await log.admin.deleteGroup('g')
  }
  await log.close()
})

test('dead letters without a topic are refused before the first record', async (open) => {
  const log = await opened(open)
  const handled: unknown[] = []
  const handle = async (record: unknown) => void handled.push(record)
  const { done } = log.process({ groupId: 'g', topics: [payments], deadLetter: 'nowhere', handle })
  const error = await done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error))
  assert.equal(error.details, { topic: 'nowhere', option: 'deadLetter' })
  const own = log.process({ groupId: 'g', topics: [payments], deadLetter: '__consumer_offsets', handle })
  assert.ok(LogError.is(await own.done.catch((failed: unknown) => failed), 'INVALID_TOPIC_EXCEPTION'))
  assert.equal(handled, [])
  await log.close()
})

test('a processor that gives up while nobody looks is an unhandled rejection; one that was aborted is none', async (open) => {
  const log = await opened(open)
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  try {
    const handle = async () => {
      throw new RangeError('no')
    }
    const failing = log.process({ groupId: 'g', topics: [payments], handle })
    await until(() => unhandled.length > 0)
    assert.ok(unhandled[0] instanceof RangeError, String(unhandled[0]))
    await failing.close()
    const stop = new AbortController()
    const aborted = log.process({ groupId: 'h', topics: [payments], handle: async () => {}, signal: stop.signal })
    const stateOf = async () => (await log.admin.describeGroup('h').catch(() => undefined))?.state
    await until(async () => (await stateOf()) === 'Stable')
    stop.abort()
    await until(async () => (await stateOf()) === 'Empty')
    await turns(10)
    await aborted.close()
    assert.is(unhandled.length, 1)
  } finally {
    process.off('unhandledRejection', listen)
  }
  await log.close()
})

// Regression: in transactions it was handled again and again, without a word, as though another run could mend it.
for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  for (const code of ['NETWORK_EXCEPTION', 'PRODUCER_FENCED', 'ILLEGAL_GENERATION', 'TRANSACTION_ABORTABLE'] as const) {
    test(`${delivery}: a record that fails with ${code} has no more tries than any other`, async (open) => {
      const log = await opened(open)
      const errors: LogError[] = []
      const handle = async () => {
        // Fails here: a record that is tried again and again would keep the test from ending.
        if (errors.length === 3) throw new Error('tried too often')
        errors.push(new LogError(code, `try ${errors.length + 1}`))
        throw errors.at(-1)
      }
      const processor = log.process({ groupId: 'g', topics: [payments], delivery, retries: 1, handle })
      const told = await processor.done.catch((failed: unknown) => failed)
      assert.is(told, errors[1])
      assert.is(errors.length, 2)
      await log.close()
    })
  }
}

test('what a record fails with may be anything, and is its dead letter all the same', async (open) => {
  const log = await opened(open)
  await log.admin.createTopic('dead')
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    deadLetter: 'dead',
    handle: async () => {
      throw proxy
    },
  })
  let failed: unknown
  processor.done.catch((error: unknown) => {
    failed = error
  })
  const letters = async () => (await log.admin.offsets([{ topic: 'dead', partition: 0 }]))[0]?.lastStableOffset ?? 0
  await until(async () => failed !== undefined || (await letters()) > 0)
  assert.is(failed, undefined)
  await processor.close()
  for await (const { headers } of log.read('dead', { until: 'end' })) {
    assert.is(Buffer.from(headers.get('oncelog-error') ?? []).toString(), 'a value of type object')
  }
  await log.close()
})

// Regression: it gave up, though what it wants to commit at such a moment is tried again.
test('a read that finds no memory at the moment is tried again', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('payments', { partitions: 3 })
  const openConsumer = broker.openConsumer.bind(broker)
  let refusals = 0
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const fetch = session.fetch.bind(session)
    session.fetch = (request) => {
      if (++refusals <= 3) return Promise.reject(new LogError('MEMORY_CAP_REACHED', 'by the test'))
      return fetch(request)
    }
    return session
  }
  await log.producer().send(payments.record({ value: 'first' }))
  for (const delivery of ['exactly-once', 'at-least-once'] as const) {
    refusals = 0
    let handled = 0
    const handle = async () => {
      handled++
    }
    const processor = log.process({ groupId: delivery, topics: [payments], delivery, handle })
    await Promise.race([until(() => handled === 1), processor.done])
    await processor.close()
  }
  await log.close()
})

test.run()
