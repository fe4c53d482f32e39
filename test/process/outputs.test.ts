// What `handle` gives and no topic takes: a failure of the record that gave it, not of its batch.
import * as assert from 'uvu/assert'
import { OutputCheck } from '../../bindings/client/process/output-check.ts'
import { store, string, topic } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'

test('a record that gives what no topic takes is the one that failed, the others go on', async (open) => {
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

test('a record that sets state which its changelog doesn’t take is the one that failed, and what it set counts nowhere', async (open) => {
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

test('a log that can’t be asked is no failure of the record', async () => {
  const asked: string[] = []
  const check = new OutputCheck({
    describeTopic(name) {
      asked.push(name)
      return Promise.reject(new LogError('NETWORK_EXCEPTION', 'the process that held the log is gone'))
    },
  })
  await check.check([{ topic: 'out', value: 'x' }])
  assert.equal(asked, ['out'])
})

test.run()
