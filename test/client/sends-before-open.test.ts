// Sends may come before their producer is open, or while its buffer is full: they begin in the order of their calls.
import * as assert from 'uvu/assert'
import { settle } from './fake-port.ts'
import { test } from './stores.ts'

/** More than pass through the list of those that wait before it is cut. */
const MANY = 5000

const record = (index: number) => ({ topic: 't', key: null, value: `${index}`, partition: 0 })

test('thousands that come at once have offsets in their order, but for those that were given up', async (open) => {
  const log = await open({ topics: [] })
  await log.admin.createTopic('t', { partitions: 1 })
  const producer = log.producer()
  const givenUp: AbortController[] = []
  const sends = Array.from({ length: MANY }, (_, index) => {
    if (index % 7 !== 3) return producer.send(record(index))
    const { signal } = givenUp[givenUp.push(new AbortController()) - 1] as AbortController
    return producer.send(record(index), { signal })
  })
  for (const each of givenUp) each.abort(new RangeError('by the test'))
  const outcomes = await Promise.allSettled(sends)
  let next = 0
  for (const [index, outcome] of outcomes.entries()) {
    if (index % 7 === 3) assert.is(outcome.status === 'rejected' && outcome.reason.message, 'by the test', `${index}`)
    else assert.is(outcome.status === 'fulfilled' && outcome.value.offset, next++, `${index}`)
  }
  await log.close()
})

test('a full buffer keeps the order too, and a flush waits for all that wait', async (open) => {
  const log = await open({ topics: [] })
  await log.admin.createTopic('t', { partitions: 1 })
  const producer = log.producer({ bufferBytes: 2000 })
  const offsets: number[] = []
  const sends = Array.from({ length: 200 }, (_, index) =>
    producer.send(record(index)).then(({ offset }) => offsets.push(offset)),
  )
  await producer.flush()
  assert.equal(
    offsets,
    Array.from({ length: 200 }, (_, index) => index),
  )
  await Promise.all(sends)
  await log.close()
})

test('one that is refused while it waits leaves those after it as they are', async (open) => {
  const log = await open({ topics: [] })
  await log.admin.createTopic('t', { partitions: 1 })
  const producer = log.producer()
  const [first, refused, last] = [record(0), { ...record(1), topic: 'none' }, record(2)].map((each) =>
    producer.send(each),
  )
  const flushed = producer.flush()
  const error = await refused?.catch((reason: unknown) => reason)
  assert.is((error as { code?: string }).code, 'UNKNOWN_TOPIC_OR_PARTITION')
  await flushed
  assert.is((await first)?.offset, 0)
  assert.is((await last)?.offset, 1)
  await log.close()
})

// In the moment after a send had its turn nobody told it any more: the flush, and with it a close, never ended.
test('a flush ends at whichever moment it is called, though a send waits to begin', async (open) => {
  for (let moments = 0; moments < 30; moments++) {
    const log = await open({ topics: [] })
    await log.admin.createTopic('t', { partitions: 1 })
    let flushed: Promise<string> | undefined
    const partitioner = () => {
      const later = async () => {
        for (let count = 0; count < moments; count++) await Promise.resolve()
        return producer.flush()
      }
      flushed = later().then(() => 'flushed')
      return 0
    }
    const producer = log.producer({ partitioner })
    await producer.send({ topic: 't', value: 'a' })
    const ended = await Promise.race([flushed, settle().then(settle)])
    assert.is(ended, 'flushed', `${moments} moments after its partition was chosen`)
    await log.close()
  }
})

test.run()
