// A program that awaits calls which are answered at once, one after the other, doesn't keep the rest of its process
// from running.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemory, type ReadOptions } from '../../bindings/entry/node.ts'

/**
 * Many times what a thousandth of a second has room for, and fewer than the offsets of a ceiling, whose raise waits for
 * the store.
 */
const CALLS = 40_000

/** Due at the first turn of the event loop that anybody leaves it. */
function dueTimer(): { readonly hasRun: boolean; stop(): void } {
  const timer = { hasRun: false, stop: () => clearTimeout(pending) }
  const pending = setTimeout(() => {
    timer.hasRun = true
  }, 0)
  return timer
}

async function callsUntilTimer(call: () => Promise<unknown>): Promise<number> {
  const timer = dueTimer()
  let calls = 0
  while (!timer.hasRun && calls < CALLS) {
    await call()
    calls++
  }
  timer.stop()
  return calls
}

test('a timer runs beside awaited sends with acks 1', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const producer = log.producer({ acks: 1 })
  const send = () => producer.send({ topic: 't', value: 'x' })
  // The first one waits for a ceiling, and the event loop turns meanwhile.
  await send()
  const calls = await callsUntilTimer(send)
  assert.ok(calls < CALLS, `${calls} sends, and none of them let it`)
  await log.close()
})

test('a timer runs beside the reading of records in memory', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const sends = Array.from({ length: CALLS / 500 }, () =>
    Array.from({ length: 500 }, () => ({ topic: 't', value: 'x' })),
  )
  for (const records of sends) await log.producer().send(records)
  const timer = dueTimer()
  let before = 0
  for await (const _ of log.read('t', { until: 'end' })) if (!timer.hasRun) before++
  timer.stop()
  assert.ok(before < CALLS, `it came after all ${before} records`)
  await log.close()
})

test('a timer runs beside the reading of single records out of the cache', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  const calls = await callsUntilTimer(() => log.get('t', { partition: 0, offset: 0 }))
  assert.ok(calls < CALLS, `${calls} records, and none of them let it`)
  await log.close()
})

test('a timer runs beside a program that asks until something is so', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const place = { topic: 't', partition: 0 }
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.lag()
  const producer = log.producer()
  await log.admin.createTopic('small', { config: { 'max.message.bytes': 1000 } })
  const large = 'x'.repeat(1000)
  const busy = log.producer({ transactionalId: 'busy' })
  const transaction = await busy.beginTransaction()
  const share = log.shareConsumer({ groupId: 's', topics: ['later'] })
  const later = { topic: 't', partition: 1 }
  const readAll = async (options: ReadOptions) => {
    for await (const _ of log.read('t', options)) break
  }
  const questions: Record<string, () => Promise<unknown>> = {
    listTopics: () => log.admin.listTopics(),
    describeTopic: () => log.admin.describeTopic('later'),
    offsets: () => log.admin.offsets([place]),
    listGroups: () => log.admin.listGroups(),
    describeGroup: () => log.admin.describeGroup('g'),
    listShareGroups: () => log.admin.listShareGroups(),
    describeShareGroup: () => log.admin.describeShareGroup('later'),
    listTransactions: () => log.admin.listTransactions(),
    describeProducers: () => log.admin.describeProducers([place]),
    lag: () => consumer.lag(),
    committed: () => consumer.committed(place),
    get: () => log.get('later', { partition: 0, offset: 0 }),
    read: async () => {
      for await (const _ of log.read('later')) break
    },
    'read from positions that don’t fit': () => readAll({ from: [] }),
    'read to an end in a partition that isn’t there': () => readAll({ until: [{ ...later, nextOffset: 0 }] }),
    'read to where it begins': () =>
      readAll({ from: [{ ...place, nextOffset: 0 }], until: [{ ...place, nextOffset: 0 }] }),
    sendOffsets: () => transaction.sendOffsets(consumer, [{ ...later, nextOffset: 0 }]),
    send: () => producer.send({ topic: 'later', value: 'x' }),
    'send to a partition': () => producer.send({ ...later, value: 'x' }),
    'send of a list': () => producer.send([{ ...later, value: 'x' }]),
    'send of a record above the limit': () => producer.send({ topic: 'small', value: large }),
    seek: () => consumer.seek({ ...later, nextOffset: 0 }),
    commit: () => consumer.commit([{ ...later, nextOffset: 0 }]),
    beginTransaction: () => busy.beginTransaction(),
    transaction: () => busy.transaction(async () => {}),
    share: async () => {
      for await (const _ of share) break
    },
  }
  const unheard: string[] = []
  for (const [name, ask] of Object.entries(questions)) {
    const calls = await callsUntilTimer(() => ask().catch(() => {}))
    if (calls === CALLS) unheard.push(name)
  }
  assert.equal(unheard, [])
  await log.close()
})

test.run()
