// Output of `handle` that no topic takes: a failure of the record that was handled, not of its batch.
import * as assert from 'uvu/assert'
import { OutputCheck } from '../../bindings/client/process/output-check.ts'
import { type ProducerRecord, store, string, topic } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import { until } from '../until.ts'

test('if handle gives a record that no topic takes, only the record that it handled fails', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('dead')
  await log.admin.createTopic('out', { config: { 'max.message.bytes': 1000 } })
  const producer = log.producer()
  await producer.send(Array.from({ length: 20 }, (_, index) => ({ topic: 'in', value: `${index}` })))
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    deadLetter: 'dead',
    async handle({ value }) {
      const number = Buffer.from(value ?? []).toString()
      if (number === '3') return { topic: 'out', value: 'x'.repeat(2000) }
      if (number === '4') return { topic: 'out', value: 5 as never }
      if (number === '5') return 6 as never
      return [{ topic: 'out', value: number }]
    },
  })
  const read = async (topic: string) => {
    const found = []
    for await (const record of log.read(topic, { until: 'end' })) found.push(record)
    return found
  }
  const errors = async () => {
    return (await read('dead')).map(({ headers }) => Buffer.from(headers.get('oncelog-error') ?? []).toString())
  }
  const until = async (count: number) => {
    while ((await read('out')).length + (await read('dead')).length < count) {
      // Nothing tells of a commit as a whole; the processor beside needs the turn.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  await until(20)
  assert.equal(await errors(), ['MESSAGE_TOO_LARGE', 'INVALID_RECORD', 'INVALID_RECORD'])
  // It is refused by what holds now, not by what held when the topic was first met.
  await log.admin.alterConfig('out', { 'max.message.bytes': 5000 })
  await producer.send({ topic: 'in', value: '3' })
  await until(21)
  await processor.close()
  assert.is((await errors()).length, 3)
  assert.is((await read('out')).length, 18)
  await log.close()
})

test('if handle sets state that the changelog doesn’t take, only the record that it handled fails, and none of its state counts', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('dead')
  await log.admin.createTopic('state', { config: { 'cleanup.policy': 'compact', 'max.message.bytes': 1000 } })
  const careless = { encode: (value: unknown) => value as Uint8Array, decode: (bytes: Uint8Array) => bytes }
  const texts = topic('state', { key: string, value: careless })
  await log.producer().send(Array.from({ length: 20 }, (_, index) => ({ topic: 'in', value: `${index}` })))
  const states: string[] = []
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    state: { sizes: store(texts) },
    retries: 1,
    deadLetter: 'dead',
    async handle({ value }, { state, attempt }) {
      const number = Buffer.from(value ?? []).toString()
      if (number === '19') states.push(Buffer.from((await state.sizes.get('all')) as Uint8Array).toString())
      if (number === '3') state.sizes.set('all', Buffer.alloc(attempt === 1 ? 2000 : 3000))
      else if (number === '4' && attempt === 1) state.sizes.set('all', Buffer.alloc(2000))
      else if (number === '5') state.sizes.set('all', number as never)
      else state.sizes.set('all', Buffer.from(number))
      if (number === '19') done()
    },
  })
  const { opened, open: done } = gate()
  await Promise.race([opened, processor.done])
  await processor.close()
  assert.equal(states, ['18'])
  const dead: (string | undefined)[][] = []
  for await (const { value, headers } of log.read('dead', { until: 'end' })) {
    const texts = [value, headers.get('oncelog-error'), headers.get('oncelog-attempts')]
    dead.push(texts.map((bytes) => Buffer.from(bytes ?? []).toString()))
  }
  assert.equal(dead, [
    ['3', 'MESSAGE_TOO_LARGE', '2'],
    ['5', 'RECORD_SERIALIZATION', '2'],
  ])
  await log.close()
})

test('a record for a partition or with a time that its topic doesn’t take fails the one that was handled, by the present config', async (open) => {
  const log = await open()
  for (const name of ['in', 'dead', 'out']) await log.admin.createTopic(name)
  await log.admin.createTopic('recent', { config: { 'message.timestamp.before.max.ms': 1000 } })
  await log.admin.createTopic('stamped', {
    config: { 'message.timestamp.before.max.ms': 1000, 'message.timestamp.type': 'LogAppendTime' },
  })
  await log.admin.createTopic('compacted', { config: { 'cleanup.policy': 'compact' } })
  const given: readonly ProducerRecord[] = [
    { topic: 'out', partition: 1, value: 'x' },
    { topic: 'recent', timestamp: 1, value: 'x' },
    { topic: 'stamped', timestamp: 1, value: 'x' },
    { topic: 'compacted', value: 'x' },
    { topic: '__consumer_offsets', value: 'x' },
    { topic: 'out', value: 'x'.repeat(500) },
  ]
  const producer = log.producer()
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    deadLetter: 'dead',
    handle: async ({ value }) => given[Number(Buffer.from(value ?? []).toString())],
  })
  const letters = async () => {
    const errors: string[] = []
    for await (const { value, headers } of log.read('dead', { until: 'end' })) {
      errors.push(`${Buffer.from(value ?? [])} ${Buffer.from(headers.get('oncelog-error') ?? [])}`)
    }
    return errors
  }
  const done = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.lag === 0
  const handled = () => Promise.race([until(done), processor.done])
  await producer.send(given.map((_, index) => ({ topic: 'in', value: `${index}` })))
  await handled()
  const refused = [
    '0 UNKNOWN_TOPIC_OR_PARTITION',
    '1 INVALID_TIMESTAMP',
    '3 INVALID_RECORD',
    '4 INVALID_TOPIC_EXCEPTION',
  ]
  assert.equal(await letters(), refused)
  await log.admin.createPartitions('out', 2)
  await log.admin.alterConfig('out', { 'max.message.bytes': 300 })
  await producer.send([0, 5].map((index) => ({ topic: 'in', value: `${index}` })))
  await handled()
  await processor.close()
  assert.equal(await letters(), [...refused, '5 MESSAGE_TOO_LARGE'])
  await log.close()
})

test('records that handle gave stay as they were then: headers that can be iterated once, an object and a list used again', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('out')
  await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 'in', value })))
  const record: ProducerRecord = { topic: 'out', value: '' }
  const list: ProducerRecord[] = []
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    async handle({ value, offset }) {
      const headers = new Map([['of', `${offset}`]]).entries()
      list.splice(0, 1, Object.assign(record, { value, headers }))
      return list
    },
  })
  const read = async () => {
    const found: string[] = []
    for await (const { value, headers } of log.read('out', { until: 'end' })) {
      found.push(`${Buffer.from(value ?? [])} ${[...headers].map((header) => header.map(String).join())}`)
    }
    return found
  }
  await until(async () => (await read()).length === 3)
  await processor.close()
  assert.equal(await read(), ['a of,48', 'b of,49', 'c of,50'])
  await log.close()
})

const OUTPUTS: Readonly<Record<string, ProducerRecord>> = {
  MESSAGE_TOO_LARGE: { topic: 'out', value: 'x'.repeat(1000) },
  UNKNOWN_TOPIC_OR_PARTITION: { topic: 'nowhere', value: '' },
}
for (const [code, output] of Object.entries(OUTPUTS)) {
  for (const delivery of ['exactly-once', 'at-least-once'] as const) {
    test(`${delivery}: a processor that gives up over ${code} names the record whose output it was`, async (open) => {
      const log = await open()
      await log.admin.createTopic('in')
      await log.admin.createTopic('out', { config: { 'max.message.bytes': 500 } })
      await log.producer().send(Array.from({ length: 5 }, () => ({ topic: 'in', value: '' })))
      const handle = async ({ offset }: { offset: number }) => (offset === 3 ? output : undefined)
      const processor = log.process({ groupId: 'g', topics: ['in'], delivery, handle })
      const error = await processor.done.catch((failed: unknown) => failed)
      assert.ok(LogError.is(error, code), String(error))
      assert.equal(error.details['record'], { topic: 'in', partition: 0, offset: 3 })
      assert.is(error.details['topic'], output.topic)
      assert.match(error.message, /offset 3 of in-0/)
      await log.close()
    })
  }
}

test('a topic that isn’t there is no failure of one record: no other try, and no dead letter', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('dead')
  await log.producer().send({ topic: 'in', value: '' })
  const attempts: number[] = []
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    retries: 3,
    deadLetter: 'dead',
    async handle(_, { attempt }) {
      attempts.push(attempt)
      return { topic: 'nowhere', value: '' }
    },
  })
  const error = await processor.done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error))
  assert.equal(attempts, [1])
  assert.is((await log.admin.offsets([{ topic: 'dead', partition: 0 }]))[0]?.highWatermark, 0)
  await log.close()
})

test('a log that can’t be asked is no failure of the record', async () => {
  const asked: string[] = []
  const check = new OutputCheck(
    {
      topic(name) {
        asked.push(name)
        return Promise.reject(new LogError('NETWORK_EXCEPTION', 'the process that held the log is gone'))
      },
    },
    () => 0,
  )
  const records = [{ topic: 'out', value: 'x' }]
  assert.equal(await check.check(records), records)
  assert.equal(asked, ['out'])
})

test('what the program makes of its list while the log is asked changes nothing of what it gave', async () => {
  const answers = gate()
  const facts = { topic: 'out', topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partitions: 1, config: {} }
  const check = new OutputCheck({ topic: () => answers.opened.then(() => facts) }, () => 0)
  const records = ['a', 'b', 'c'].map((value) => ({ topic: 'out', value }))
  const checking = check.check(records)
  records[0] = { topic: 'out', value: 'other' }
  Object.assign(records[1] as object, { value: 'other' })
  records.length = 2
  answers.open()
  assert.equal(
    (await checking).map(({ value }) => value),
    ['a', 'b', 'c'],
  )
  const missing = new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic')
  const refusing = new OutputCheck({ topic: () => Promise.reject(missing) }, () => 0)
  assert.throws(() => refusing.check([{ topic: 'out', value: 'a' }, 5 as never]))
  await new Promise((resume) => setImmediate(resume))
})

test.run()
