// Reading without a group: where it starts, where it ends, as a stream.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ReadOptions } from '../../bindings/client/read.ts'
import { settle } from './fake-port.ts'
import { failure, overBrokers, setup, take, text } from './support.ts'

async function all(records: AsyncIterable<{ value: Uint8Array | null }>): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  for await (const { value } of records) values.push(text(value))
  return values
}

overBrokers('until the end at the call, though more comes', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const reader = log.read('t', { until: 'end' })
  await settle()
  await broker.write('t', ['c'])
  assert.equal(await all(reader), ['a', 'b'])
  assert.equal(await all(reader), ['a', 'b'], 'each iteration starts anew')
  assert.equal(await all(log.read('t', { until: 'end' })), ['a', 'b', 'c'])
})

test('the end is the last stable offset for read_committed, the high watermark else', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  broker.write('t', ['b'])
  broker.partition({ topic: 't', partition: 0 }).lastStableOffset = 1
  assert.equal(await all(log.read('t', { until: 'end' })), ['a'])
  assert.equal(await all(log.read('t', { until: 'end', isolationLevel: 'read_uncommitted' })), ['a', 'b'])
})

test('an empty topic ends at once', async () => {
  const { log, broker } = setup({ t: 3 })
  assert.equal(await all(log.read('t', { until: 'end' })), [])
  assert.is(broker.fetches, 0)
})

overBrokers('from where it was told at the call, whatever becomes of that object', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c'])
  const position = { topic: 't', partition: 0, nextOffset: 1 }
  const positions = [position]
  const reader = log.read('t', { from: positions, until: 'end' })
  const first = all(reader)
  position.nextOffset = 2
  assert.equal(await first, ['b', 'c'], 'changed while it starts')
  positions.length = 0
  assert.equal(await all(reader), ['b', 'c'], 'changed before another iteration')
  const time = { timestamp: 0 }
  const byTime = log.read('t', { from: time, until: 'end' })
  time.timestamp = Number.MAX_SAFE_INTEGER
  assert.equal(await all(byTime), ['a', 'b', 'c'])
})

overBrokers('several partitions and topics, in order within each, fairly', async (setup) => {
  const { log, broker } = await setup({ t: 3, u: 1 })
  const expected: string[] = []
  for (let round = 0; round < 300; round++) {
    for (const [topic, partition] of [
      ['t', 0],
      ['t', 1],
      ['t', 2],
      ['u', 0],
    ] as const) {
      await broker.write(topic, [`${topic}${partition}-${round}`], partition)
      expected.push(`${topic}${partition}-${round}`)
    }
  }
  const seen: string[] = []
  const rounds = new Map<string, number>()
  for await (const record of log.read(['t', 'u'], { until: 'end' })) {
    const value = text(record.value) ?? ''
    const [place = '', round] = value.split('-')
    assert.is(Number(round), rounds.get(place) ?? 0)
    rounds.set(place, Number(round) + 1)
    seen.push(value)
  }
  assert.equal(seen.sort(), expected.sort())
})

overBrokers('from earliest, latest, a time, and positions', async (setup) => {
  const { log, broker } = await setup()
  for (let index = 0; index < 4; index++) await broker.write('t', [`${index}`], 0, 1000 + index * 10)
  const until = 'end'
  assert.equal(await all(log.read('t', { until, from: 'earliest' })), ['0', '1', '2', '3'])
  assert.equal(await all(log.read('t', { until, from: 'latest' })), [])
  assert.equal(await all(log.read('t', { until, from: { timestamp: 1015 } })), ['2', '3'])
  assert.equal(await all(log.read('t', { until, from: { timestamp: 5000 } })), [])
  assert.equal(await all(log.read('t', { until, from: [{ topic: 't', partition: 0, nextOffset: 3 }] })), ['3'])
})

overBrokers('until positions: partitions that they do not name are not read', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b', 'c'], 0)
  await broker.write('t', ['x'], 1)
  assert.equal(await all(log.read('t', { until: [{ topic: 't', partition: 0, nextOffset: 2 }] })), ['a', 'b'])
})

overBrokers('an end that names what is not read is refused: it read nothing, and ended', async (setup) => {
  const { log, broker } = await setup({ t: 2, u: 1 })
  await broker.write('t', ['a'], 0)
  const until = (topic: string, partition: number) => [
    { topic: 't', partition: 0, nextOffset: 1 },
    { topic, partition, nextOffset: 1 },
  ]
  const beyond = await failure('UNKNOWN_TOPIC_OR_PARTITION', () => all(log.read('t', { until: until('t', 2) })))
  assert.equal(beyond.details, { topic: 't', partition: 2, partitions: 2 })
  const other = await failure('INVALID_REQUEST', () => all(log.read('t', { until: until('u', 0) })))
  assert.equal(other.details, { option: 'until', topic: 'u' })
  assert.equal(await all(log.read('t', { until: [] })), [])
})

test('without an end it waits for more, without polling', async () => {
  const { log, broker, port } = setup()
  broker.write('t', ['a'])
  const two = take(log.read('t'), 2)
  await port.advance(100_000)
  assert.is(broker.fetches, 2)
  broker.write('t', ['b'])
  assert.equal(
    (await two).map(({ value }) => text(value)),
    ['a', 'b'],
  )
  assert.is(broker.waiting.size, 0)
})

overBrokers(
  'an aborted signal rejects with its reason: before, at the start, while it waits, between records',
  async (setup) => {
    const { log, broker } = await setup()
    const reason = new Error('enough')
    const read = (signal: AbortSignal) => all(log.read('t', { signal })).catch((error) => error)
    assert.is(await read(AbortSignal.abort(reason)), reason)
    for (const wait of [async () => {}, settle]) {
      const controller = new AbortController()
      const reading = read(controller.signal)
      await wait()
      controller.abort(reason)
      assert.is(await reading, reason)
    }
    await broker.write('t', ['a', 'b'])
    const controller = new AbortController()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const record of log.read('t', { signal: controller.signal })) {
        seen.push(record)
        controller.abort(reason)
      }
    })()
    assert.is(await reading.catch((error) => error), reason)
    assert.is(seen.length, 1)
  },
)

overBrokers('by batches: the same records, each partition by itself, never past the limit', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b', 'c'])
  await broker.write('t', ['d', 'e'])
  await broker.write('t', ['x'], 1)
  const seen: [number, number, number, (string | null)[]][] = []
  const until = [
    { topic: 't', partition: 0, nextOffset: 4 },
    { topic: 't', partition: 1, nextOffset: 1 },
  ]
  const from = [
    { topic: 't', partition: 0, nextOffset: 1 },
    { topic: 't', partition: 1, nextOffset: 0 },
  ]
  for await (const batch of log.read('t', { from, until }).batches()) {
    const values = Array.from(batch, ({ value }) => text(value))
    assert.equal(
      values,
      Array.from(batch, ({ value }) => text(value)),
      'it can be looked at again',
    )
    assert.equal([batch.size, batch.generation], [values.length, -1])
    seen.push([batch.partition, batch.baseOffset, batch.nextOffset, values])
  }
  assert.equal(seen, [
    [0, 1, 4, ['b', 'c', 'd']],
    [1, 0, 1, ['x']],
  ])
})

overBrokers('batches of at most so many records go on in the middle of what was written together', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c'])
  await broker.write('t', ['d', 'e'])
  const seen: string[] = []
  for await (const batch of log.read('t', { until: 'end' }).batches({ maxRecords: 2 })) {
    seen.push(`${batch.baseOffset}-${batch.nextOffset}:${Array.from(batch, ({ value }) => text(value)).join('')}`)
  }
  assert.equal(seen, ['0-2:ab', '2-4:cd', '4-5:e'])
  for (const maxRecords of [0, -1, 0.5, '2', null]) {
    await failure('INVALID_REQUEST', () => log.read('t').batches({ maxRecords: maxRecords as number }))
  }
  await failure('INVALID_REQUEST', () => log.read('t').batches(null as never))
})

test('as a Web stream: ends, reads only what is asked for, passes errors on', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b'])
  const reader = log.read('t', { until: 'end' }).toReadableStream().getReader()
  await settle()
  assert.is(broker.fetches, 0)
  const first = await reader.read()
  assert.is(text(first.value?.value ?? null), 'a')
  assert.is((await reader.read()).done, false)
  assert.is((await reader.read()).done, true)
  broker.topics.delete('t')
  const broken = log.read('t').toReadableStream().getReader()
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => broken.read())
})

overBrokers('as a Web stream it pipes through what the platform has', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const upper = new TransformStream({
    transform(record, controller) {
      controller.enqueue(text(record.value)?.toUpperCase())
    },
  })
  const stream = log.read('t', { until: 'end' }).toReadableStream()
  const seen: unknown[] = []
  for await (const each of stream.pipeThrough(upper)) seen.push(each)
  assert.equal(seen, ['A', 'B'])
})

test('cancelling a stream ends its wait', async () => {
  const { log, broker } = setup()
  const stream = log.read('t').toReadableStream().getReader()
  const next = stream.read()
  await settle()
  assert.is(broker.waiting.size, 1)
  await stream.cancel('enough')
  assert.is((await next).done, true)
  assert.is(broker.waiting.size, 0)
})

overBrokers('a position out of range rejects with the valid range', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a'])
  const error = await failure('OFFSET_OUT_OF_RANGE', () =>
    all(log.read('t', { from: [{ topic: 't', partition: 0, nextOffset: 7 }] })),
  )
  assert.equal([error.details['logStartOffset'], error.details['endOffset']], [0, 1])
})

overBrokers('so does one above an end that was asked for, of which nothing would be read', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a'])
  const from = [0, 1].map((partition) => ({ topic: 't', partition, nextOffset: 7 * partition }))
  const named = (partition: number) => [{ topic: 't', partition, nextOffset: 1 }]
  for (const until of ['end', named(1)] as const) {
    const error = await failure('OFFSET_OUT_OF_RANGE', () => all(log.read('t', { from, until })))
    assert.equal([error.details['logStartOffset'], error.details['endOffset']], [0, 0])
  }
  assert.equal(await all(log.read('t', { from, until: named(0) })), ['a'], 'a partition that is not read')
  await broker.write('t', ['b'])
  assert.equal(await all(log.read('t', { from: named(0).concat(named(1)), until: named(0) })), [])
  const behind = [{ topic: 't', partition: 0, nextOffset: 2 }]
  assert.equal(
    await all(log.read('t', { from: behind.concat(named(1)), until: named(0) })),
    [],
    'above the limit alone',
  )
})

overBrokers('a topic that is not there rejects, when it is iterated', async (setup) => {
  const { log } = await setup()
  const reader = log.read('nowhere', { until: 'end' })
  await settle()
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => all(reader))
})

overBrokers('wrong arguments are refused by name', async (setup) => {
  const { log } = await setup({ t: 2 })
  const wrong = [
    ['from', 'start', 5, null],
    ['until', 'End', 5, null, {}],
    ['isolationLevel', 'serializable', null],
    ['signal', null, {}],
  ] as const
  for (const [name, ...values] of wrong) {
    for (const value of values) {
      const read = () => all(log.read('t', { [name]: value } as ReadOptions))
      assert.is((await failure('INVALID_REQUEST', read)).details['option'], name)
    }
  }
  for (const topics of [undefined, null, 5, [], [undefined], ['t', 't'], {}]) {
    await failure('INVALID_REQUEST', () => log.read(topics as never))
  }
  for (const timestamp of [-1, 0.5, Number.NaN, '5', undefined]) {
    // At once, as for every other wrong option.
    await failure('INVALID_REQUEST', () => log.read('t', { from: { timestamp: timestamp as number } }))
  }
  const half = [{ topic: 't', partition: 0, nextOffset: 0 }]
  await failure('INVALID_REQUEST', () => all(log.read('t', { from: half })))
  await failure('INVALID_REQUEST', () => log.read('t', { from: [...half, ...half] }))
})

test.run()
