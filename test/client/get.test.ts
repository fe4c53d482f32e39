// One record by its place.
import { rmSync } from 'node:fs'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { json, LogError, open, openMemory, topic, unchecked } from '../../bindings/entry/node.ts'
import { scratchDirectory } from '../scratch.ts'
import { failure, overBrokers, setup, text } from './support.ts'

test('the place that send resolved with finds the record, at once or later', async () => {
  for (const answersLater of [false, true]) {
    const { log, broker } = setup({ t: 2 })
    const sent = await log.producer().send([
      { topic: 't', partition: 1, key: 'k', value: 'a', timestamp: 5, headers: { h: 'x' } },
      { topic: 't', partition: 1, key: null, value: null },
    ])
    broker.answersLater = answersLater
    const [first, second] = await Promise.all(sent.map((at) => log.get('t', at)))
    assert.equal([first?.topic, first?.partition, first?.offset, first?.timestamp], ['t', 1, 0, 5])
    assert.equal([text(first?.key ?? null), text(first?.value ?? null)], ['k', 'a'])
    assert.is(text(first?.headers.get('h') ?? null), 'x')
    assert.equal([second?.key, second?.value], [null, null])
  }
})

overBrokers('decoded as its topic says', async (setup) => {
  const { log } = await setup({ points: 1 })
  const points = topic('points', { value: unchecked<{ x: number }>(json()) })
  const at = await log.producer().send(points.record({ key: 'p', value: { x: 1 } }))
  const record = await log.get(points, at)
  assert.equal([record?.key, record?.value], ['p', { x: 1 }])
})

overBrokers('a copy of the record has only topic, partition and offset', async (setup) => {
  const { log } = await setup()
  const at = await log.producer().send({ topic: 't', key: 'k', value: 'a' })
  const record = await log.get('t', at)
  const place = { topic: 't', partition: at.partition, offset: at.offset }
  for (const copy of [{ ...record }, structuredClone(record)]) {
    assert.equal(copy, place)
  }
})

overBrokers('JSON and what is printed have all fields', async (setup) => {
  const { log } = await setup({ points: 1 })
  const points = topic('points', { value: json() })
  const headers = { h: new Uint8Array([7]) }
  const at = await log.producer().send(points.record({ key: 'p', value: { x: 1 }, timestamp: 5, headers }))
  const record = await log.get(points, at)
  const fields = { topic: 'points', partition: 0, offset: 0, timestamp: 5, key: 'p', value: { x: 1 } }
  assert.equal(JSON.parse(JSON.stringify(record)), { ...fields, headers: [['h', { 0: 7 }]] })
  assert.is(inspect(record), inspect({ ...fields, headers: [['h', headers.h]] }))
})

overBrokers('a record that can’t be decoded is printed with the reason', async (setup) => {
  const { log } = await setup({ points: 1 })
  const at = await log.producer().send({ topic: 'points', key: 'p', value: 'no JSON' })
  const record = await log.get(topic('points', { value: json() }), at)
  assert.match(
    inspect(record),
    /key: 'p',\n.*value: LogError: the value at offset 0 of points-0 can't be decoded: the text is no JSON/,
  )
  assert.throws(
    () => JSON.stringify(record),
    (error: unknown) => LogError.is(error, 'RECORD_DESERIALIZATION'),
  )
})

overBrokers('errors: outside of the range, without the topic, in a closed log', async (setup) => {
  const { log } = await setup()
  await log.producer().send({ topic: 't', value: 'a' })
  await failure('OFFSET_OUT_OF_RANGE', () => log.get('t', { partition: 0, offset: 1 }))
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.get('nowhere', { partition: 0, offset: 0 }))
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.get('t', { partition: 7, offset: 0 }))
  for (const at of [
    undefined,
    null,
    {},
    { partition: 0 },
    { partition: 0, offset: -1 },
    { partition: 0.5, offset: 0 },
  ]) {
    await failure('INVALID_REQUEST', () => log.get('t', at as never))
  }
  for (const wrong of [undefined, null, 5, {}]) {
    await failure('INVALID_REQUEST', () => log.get(wrong as never, { partition: 0, offset: 0 }))
  }
  await log.close()
  await failure('LOG_CLOSED', () => log.get('t', { partition: 0, offset: 0 }))
})

test('a record owns its bytes: writing to them changes nothing for others', async () => {
  const log = await openMemory({ topics: [topic('t', { value: json() })] })
  await log
    .producer()
    .send({ topic: 't', key: 'a long enough key to lie somewhere', value: 'value', headers: { h: 'x' } })
  for (let round = 0; round < 2; round++) {
    const record = await log.get('t', { partition: 0, offset: 0 })
    assert.is(text(record?.value ?? null), 'value')
    assert.is(text(record?.headers.get('h') ?? null), 'x')
    assert.is(text(record?.key ?? null), 'a long enough key to lie somewhere')
    for (const bytes of [record?.key, record?.value, record?.headers.get('h')]) bytes?.fill(0)
  }
  await log.close()
})

test('every record of many batches, whatever the cache holds; a topic made again has none of the old ones', async () => {
  for (const cacheBytes of [0, 5000, 1 << 20]) {
    const log = await openMemory({ cacheBytes, topics: [topic('t', { value: json(), partitions: 2 })] })
    const producer = log.producer()
    for (let batch = 0; batch < 300; batch++) {
      await producer.send(
        Array.from({ length: 3 }, (_, index) => ({
          topic: 't',
          partition: batch % 2,
          value: `${batch}-${index}-${'x'.repeat(300)}`,
        })),
      )
    }
    for (let step = 0; step < 1200; step++) {
      const batch = (step * 89) % 300
      const at = { partition: batch % 2, offset: Math.floor(batch / 2) * 3 + (step % 3) }
      const record = await log.get('t', at)
      assert.is(text(record?.value ?? null)?.split('-x')[0], `${batch}-${step % 3}`)
      assert.is(record?.offset, at.offset)
    }
    await failure('OFFSET_OUT_OF_RANGE', () => log.get('t', { partition: 0, offset: 450 }))
    await log.admin.deleteTopic('t')
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.get('t', { partition: 0, offset: 0 }))
    await log.admin.createTopic('t')
    await failure('OFFSET_OUT_OF_RANGE', () => log.get('t', { partition: 0, offset: 0 }))
    await log.producer().send({ topic: 't', value: 'new' })
    assert.is(text((await log.get('t', { partition: 0, offset: 0 }))?.value ?? null), 'new')
    await log.close()
  }
})

test('a record that was found is out of range once it is deleted', async () => {
  const log = await openMemory({ topics: [topic('t', { value: json() })] })
  await log.producer().send([0, 1, 2].map((value) => ({ topic: 't', value: `${value}` })))
  assert.is(text((await log.get('t', { partition: 0, offset: 1 }))?.value ?? null), '1')
  await log.admin.deleteRecords([{ topic: 't', partition: 0, beforeOffset: 2 }])
  await failure('OFFSET_OUT_OF_RANGE', () => log.get('t', { partition: 0, offset: 1 }))
  assert.is(text((await log.get('t', { partition: 0, offset: 2 }))?.value ?? null), '2')
  await log.close()
})

test('the bound of the cache is a number of bytes', async () => {
  for (const cacheBytes of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5']) {
    await failure('INVALID_REQUEST', () => openMemory({ cacheBytes: cacheBytes as number }))
  }
})

// It went through, and ended the log when its process was to hold it.
test('a bound of the cache that is wrong is refused in a process that attaches, too', async () => {
  const directory = scratchDirectory('cache')
  const holder = await open(directory)
  await failure('INVALID_REQUEST', () => open(directory, { cacheBytes: -1 }))
  await holder.close()
  rmSync(directory, { recursive: true })
})

test.run()
