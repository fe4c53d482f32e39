// Failures that come while nobody waits for them are told once, to the call or iteration that comes next.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { failure, oneRecord, setup, take } from './support.ts'

// Regression: the call joined anew and told of no partition, and the handlers were told that all was lost again.
test('what a handler throws while nothing iterates is told once, to the next call that needs the group', async () => {
  const { log, consumer } = await oneRecord()
  await take(consumer, 1)
  const thrown = new Error('of the handler')
  const told: string[] = []
  consumer.on('assigned', (partitions) => {
    told.push(`assigned ${partitions.length}`)
    if (told.length === 1) throw thrown
  })
  consumer.on('lost', (partitions) => void told.push(`lost ${partitions.length}`))
  await log.admin.createPartitions('t', 2)
  while (told.length < 2) await settle()
  assert.is(await consumer.lag().catch((error: unknown) => error), thrown)
  assert.is((await consumer.lag()).size, 2)
  await settle()
  assert.equal(told, ['assigned 1', 'lost 2', 'assigned 2'])
  await log.close()
})

// Regression: what it had fetched kept an error of another partition from being told, while fetch followed fetch.
test('a partition that is paused while its records are fetched holds up no error of another one', async () => {
  const { log, broker } = setup({ t: { partitions: 2, config: {} } })
  broker.write('t', ['a'], 1)
  broker.group('g').offsets.set('t/0', { topic: 't', partition: 0, nextOffset: 7 })
  const openConsumer = broker.openConsumer.bind(broker)
  let fetches = 0
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const fetch = session.fetch.bind(session)
    session.fetch = async (request) => {
      if (++fetches > 10) throw new Error('asked again and again')
      const parts = await fetch(request)
      if (fetches === 1) consumer.pause([{ topic: 't', partition: 1 }])
      return parts
    }
    return session
  }
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], autoOffsetReset: 'none' })
  broker.group('g').offsets.set('t/1', { topic: 't', partition: 1, nextOffset: 0 })
  await failure('OFFSET_OUT_OF_RANGE', () => take(consumer, 1))
  await log.close()
})

// Records that were fetched with it kept the failure from being told, and nobody asked for the partition any more.
test('what a handler of a lost partition throws is told although others have records', async () => {
  const { log, broker } = setup({ t: 1, u: 1 })
  broker.write('u', ['a'])
  const openConsumer = broker.openConsumer.bind(broker)
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const fetch = session.fetch.bind(session)
    session.fetch = async (request) => {
      const error = new LogError('UNKNOWN_TOPIC_ID', 'another topic has the name')
      return (await fetch(request)).map((part) => (part.topic === 't' ? { ...part, error } : part))
    }
    return session
  }
  const consumer = log.consumer({ groupId: 'g', topics: ['t', 'u'] })
  const thrown = new Error('of the handler')
  consumer.on('lost', () => {
    throw thrown
  })
  assert.is(await take(consumer, 1).catch((error: unknown) => error), thrown)
  const [record] = await take(consumer, 1)
  assert.equal([record?.topic, consumer.assignment()], ['u', [{ topic: 'u', partition: 0 }]])
  await log.close()
})

test.run()
