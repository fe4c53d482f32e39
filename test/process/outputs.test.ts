// What `handle` gives and no topic takes: a failure of the record that gave it, not of its batch.
import * as assert from 'uvu/assert'
import { OutputCheck } from '../../bindings/client/process/output-check.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { test } from '../client/stores.ts'

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
