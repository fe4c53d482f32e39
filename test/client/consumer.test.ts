// Iteration, redelivery, waiting, ending; commits and what they refuse are in commit.test.ts, handlers in
// rebalance-handlers.test.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Assignor } from '../../bindings/client/consumer/assignor.ts'
import type { ConsumerOptions } from '../../bindings/client/consumer/consumer-options.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from './fake-port.ts'
import { failure, overBrokers, setup, take, text } from './support.ts'

const valuesOf = (records: readonly { value: Uint8Array | null }[]) => records.map(({ value }) => text(value))

test('records come in offset order, with all that was sent', async () => {
  const { log, broker } = setup()
  const timestamp = 1_600_000_000_000
  const headers = [
    ['h', '1'],
    ['h', null],
    ['i', 'x'],
  ] as const
  await log.producer().send([
    { topic: 't', key: 'k', value: 'a', timestamp, headers },
    { topic: 't', value: null },
  ])
  const [a, b] = await take(log.consumer({ groupId: 'g', topics: ['t'] }), 2)
  assert.equal([a?.topic, a?.partition, a?.offset, a?.timestamp], ['t', 0, 0, timestamp])
  assert.equal([text(a?.key ?? null), text(a?.value ?? null)], ['k', 'a'])
  assert.equal([b?.offset, b?.key, b?.value, [...(b?.headers ?? [])]], [1, null, null, []])
  assert.is(a?.headers.get('h'), null)
  assert.is(a?.headers.get('none'), undefined)
  assert.equal(
    a?.headers.getAll('h').map((each) => text(each)),
    ['1', null],
  )
  assert.equal(
    [...(a?.headers ?? [])].map(([name]) => name),
    ['h', 'h', 'i'],
  )
  assert.is(broker.fetches, 1)
})

test('waits without polling, and wakes for a record', async () => {
  const { log, broker, port } = setup()
  const iterator = log.consumer({ groupId: 'g', topics: ['t'] })[Symbol.asyncIterator]()
  const next = iterator.next()
  await port.advance(100_000)
  assert.is(broker.fetches, 1)
  assert.is(port.timers, 0)
  broker.write('t', ['late'])
  assert.is(text((await next).value?.value ?? null), 'late')
})

test('goes on after a restart where it committed, and redelivers what it did not', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b', 'c', 'd'])
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  for await (const record of first) {
    if (text(record.value) === 'c') break
    await first.commit(record)
  }
  broker.expel('g')
  assert.equal(valuesOf(await take(log.consumer({ groupId: 'g', topics: ['t'] }), 2)), ['c', 'd'])
})

test('break leaves the consumer open, and undelivered records come with the next iteration', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b', 'c', 'd'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.equal(valuesOf(await take(consumer, 2)), ['a', 'b'])
  assert.is(consumer.position({ topic: 't', partition: 0 }), 2)
  assert.equal(valuesOf(await take(consumer, 2)), ['c', 'd'])
  assert.is(broker.group('g').generation, 1)
})

overBrokers('one iteration at a time', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  for await (const _ of consumer) {
    await failure('CONSUMER_BUSY', () => take(consumer, 1))
    await failure('CONSUMER_BUSY', () => take(consumer.batches(), 1))
    break
  }
})

test('a closed consumer says so, even where an iteration was begun and left', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer[Symbol.asyncIterator]().next()
  await consumer.close()
  await failure('CONSUMER_CLOSED', () => take(consumer, 1))
})

test('close ends an iteration that waits, and one that works', async () => {
  const { log, broker } = setup()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const waits = take(consumer, 1)
  await settle()
  await consumer.close()
  assert.equal(await waits, [])
  await consumer.close()
  await failure('CONSUMER_CLOSED', () => take(consumer, 1))
  await failure('CONSUMER_CLOSED', () => consumer.commit([]))
  assert.is(broker.group('g').member, undefined)

  broker.write('t', ['a', 'b'])
  const works = log.consumer({ groupId: 'g', topics: ['t'] })
  const seen: (string | null)[] = []
  for await (const record of works) {
    seen.push(text(record.value))
    await works.close()
  }
  assert.equal(seen, ['a'])
})

test('close before the first iteration, while joining, and with the log', async () => {
  const { log, broker } = setup()
  await log.consumer({ groupId: 'g', topics: ['t'] }).close()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const waits = take(consumer, 1)
  await consumer.close()
  assert.equal(await waits, [])
  const other = take(log.consumer({ groupId: 'g', topics: ['t'] }), 1)
  await settle()
  await log.close()
  assert.equal(await other, [])
  assert.is(broker.group('g').member, undefined)
})

overBrokers(
  'an aborted signal rejects with its reason: before, while joining, while waiting, between records',
  async (setup) => {
    const { log, broker } = await setup()
    const reason = new Error('enough')
    let groups = 0
    const iterate = (signal: AbortSignal) => take(log.consumer({ groupId: `${groups++}`, topics: ['t'], signal }), 9)
    assert.is(await iterate(AbortSignal.abort(reason)).catch((error) => error), reason)

    const joining = new AbortController()
    const joins = iterate(joining.signal).catch((error) => error)
    joining.abort(reason)
    assert.is(await joins, reason)

    const waiting = new AbortController()
    const waits = iterate(waiting.signal).catch((error) => error)
    await settle()
    waiting.abort(reason)
    assert.is(await waits, reason)

    await broker.write('t', ['a', 'b'])
    const between = new AbortController()
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const works = (async () => {
      for await (const _ of consumer.batches({ maxRecords: 1, signal: between.signal })) between.abort(reason)
    })()
    assert.is(await works.catch((error) => error), reason)
  },
)

// An interrupt between two waits of a join ended neither, and the next wait was waited for: for others that take long
// to join, for the offsets of an open transaction, or for positions that never come.
overBrokers(
  'aborted, left or closed at any moment of its join, an iteration ends, whatever it would wait for',
  async (setup) => {
    const { log } = await setup()
    const reason = new Error('enough')
    const positions = () => new Promise<never>(() => {})
    let groups = 0
    const ended: string[] = []
    for (let turns = 0; turns < 40; turns++) {
      for (const how of ['abort', 'return', 'close']) {
        const stop = new AbortController()
        const consumer = log.consumer({ groupId: `${groups++}`, topics: ['t'], signal: stop.signal, positions })
        const iterator = consumer[Symbol.asyncIterator]()
        const next = iterator.next().then(
          ({ done }) => done,
          (error: unknown) => error,
        )
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        if (how === 'abort') stop.abort(reason)
        const left = how === 'return' ? iterator.return?.() : how === 'close' ? consumer.close() : undefined
        const both = Promise.all([next, left]).then(([answer]) => answer)
        const answer = await Promise.race([both, settle().then(() => 'it waits')])
        if (answer !== (how === 'abort' ? reason : true)) ended.push(`${how} after ${turns}: ${String(answer)}`)
      }
    }
    assert.equal(ended, [])
  },
)

overBrokers('batches: of one partition, up to maxRecords, with the generation', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b', 'c'], 0)
  await broker.write('t', ['x', 'y'], 1)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const batches = await take(consumer.batches({ maxRecords: 2 }), 3)
  const shapes = batches.map(({ partition, baseOffset, nextOffset, size, generation }) =>
    [partition, baseOffset, nextOffset, size, generation].join(),
  )
  assert.equal(shapes.sort(), ['0,0,2,2,1', '0,2,3,1,1', '1,0,2,2,1'])
  assert.equal(
    batches
      .flatMap((batch) => [...batch])
      .map(({ value }) => text(value))
      .sort(),
    ['a', 'b', 'c', 'x', 'y'],
  )
})

overBrokers('the first fetched batch may start below the position', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c', 'd'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.seek({ topic: 't', partition: 0, nextOffset: 2 })
  const [batch] = await take(consumer.batches(), 1)
  assert.equal([batch?.baseOffset, batch?.size], [2, 2])
})

overBrokers('seek to an offset and to a time, forth and back, inside an iteration', async (setup) => {
  const { log, broker } = await setup()
  for (let index = 0; index < 5; index++) await broker.write('t', [`${index}`], 0, 1000 + index * 10)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const seen: (string | null)[] = []
  for await (const record of consumer) {
    seen.push(text(record.value))
    if (seen.length === 1) await consumer.seek({ topic: 't', partition: 0, timestamp: 1025 })
    if (seen.length === 3) await consumer.seek({ topic: 't', partition: 0, nextOffset: 1 })
    if (seen.length === 4) break
  }
  assert.equal(seen, ['0', '3', '4', '1'])
  await consumer.seek({ topic: 't', partition: 0, timestamp: 9999 })
  assert.is(consumer.position({ topic: 't', partition: 0 }), 5)
})

overBrokers(
  'a seek to an offset and a time at once is refused: a send’s answer that is spread has a time, too',
  async (setup) => {
    const { log } = await setup({ t: 1 })
    const metadata = await log.producer().send({ topic: 't', value: 'x' })
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await failure('INVALID_REQUEST', () => consumer.seek({ ...metadata, nextOffset: metadata.offset }))
    await consumer.close()
  },
)

test('a seek while a fetch is under way wins', async () => {
  const { log, broker } = setup()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const next = take(consumer, 1)
  await settle()
  await consumer.seek({ topic: 't', partition: 0, nextOffset: 1 })
  broker.write('t', ['a', 'b'])
  assert.equal(valuesOf(await next), ['b'])
})

test('a seek while an offset that is gone is reset wins', async () => {
  const at = { topic: 't', partition: 0 }
  const { broker } = await openHeld(new MemoryStore(), new FakePort(), {})
  const log = new BrokerLog(broker, new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b', 'c', 'd'].map((value) => ({ topic: 't', value })))
  await log.admin.deleteRecords([{ ...at, beforeOffset: 2 }])
  await log.admin.setOffsets('g', [{ ...at, nextOffset: 1 }])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.is(await consumer.committed(at), 1)
  const offsets = broker.admin.offsets.bind(broker.admin)
  broker.admin.offsets = async (places) => {
    broker.admin.offsets = offsets
    const answer = await offsets(places)
    await consumer.seek({ ...at, nextOffset: 3 })
    return answer
  }
  assert.equal(valuesOf(await take(consumer, 1)), ['d'])
  await log.close()
})

// Regression: it resolved, and the consumer was where it had been.
test('a seek to a time of a partition that is given up meanwhile is refused, and of one that is given again counts', async () => {
  const at = { topic: 't', partition: 0 }
  const { broker } = await openHeld(new MemoryStore(), new FakePort(), {})
  const log = new BrokerLog(broker, new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b'].map((value) => ({ ...at, value, timestamp: 7 })))
  const newest: Assignor = { name: 'newest', assign: (members) => new Map([[members.at(-1)?.memberId ?? '', [at]]]) }
  const member = () => log.consumer({ groupId: 'g', topics: ['t'], assignor: newest })
  const consumer = member()
  await consumer.lag()
  const offsetsForTimestamp = broker.admin.offsetsForTimestamp.bind(broker.admin)
  const seekBeside = (meanwhile: () => Promise<unknown>) => {
    broker.admin.offsetsForTimestamp = async (...asked) => {
      await meanwhile()
      await settle()
      return offsetsForTimestamp(...asked)
    }
    return consumer.seek({ ...at, timestamp: 8 })
  }
  const other = member()
  await failure('INVALID_REQUEST', () => seekBeside(() => other.lag()))
  await other.close()
  await settle()
  await seekBeside(async () => {
    const again = member()
    await again.lag()
    await settle()
    await again.close()
  })
  assert.is(consumer.position(at), 2)
  await log.close()
})

overBrokers('paused partitions deliver nothing until resume', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b'], 0)
  await broker.write('t', ['x', 'y'], 1)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const seen: (string | null)[] = []
  for await (const record of consumer) {
    if (seen.push(text(record.value)) === 1) consumer.pause([record])
    if (seen.length === 3) {
      consumer.pause()
      setImmediate(() => consumer.resume())
    }
    if (seen.length === 4) break
  }
  assert.is(new Set(seen).size, 4)
  assert.is(seen.indexOf(seen[0] === 'a' ? 'b' : 'y'), 3, String(seen))
})

test('assignment, position, lag', async () => {
  const { log, broker } = setup({ t: 2 })
  broker.write('t', ['a', 'b', 'c'], 0)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.equal(consumer.assignment(), [])
  await take(consumer, 1)
  assert.equal(consumer.assignment(), [
    { topic: 't', partition: 0 },
    { topic: 't', partition: 1 },
  ])
  assert.equal(
    [...(await consumer.lag())],
    [
      ['t/0', 2],
      ['t/1', 0],
    ],
  )
  broker.partition({ topic: 't', partition: 0 }).lastStableOffset = 2
  assert.is((await consumer.lag()).get('t/0'), 1)
})

overBrokers('committed of a partition that is not there is refused by name', async (setup) => {
  const { log } = await setup({ t: 2 })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.is(await consumer.committed({ topic: 't', partition: 1 }), undefined)
  const { details } = await failure('UNKNOWN_TOPIC_OR_PARTITION', () =>
    consumer.committed({ topic: 't', partition: 2 }),
  )
  assert.equal([details['topic'], details['partition'], details['partitions']], ['t', 2, 2])
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => consumer.committed({ topic: 'u', partition: 0 }))
})

overBrokers('where a group starts that committed nothing', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const first = (options: Partial<ConsumerOptions<string>>) =>
    take(log.consumer({ groupId: JSON.stringify(options), topics: ['t'], ...options }), 1)
  assert.equal(valuesOf(await first({})), ['a'])
  await failure('NO_OFFSET', () => first({ autoOffsetReset: 'none' }))
  const latest = first({ autoOffsetReset: 'latest' })
  await settle()
  await broker.write('t', ['c'])
  assert.equal(valuesOf(await latest), ['c'])
})

overBrokers('an offset out of range is met by autoOffsetReset; with none the error tells the range', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const reset = log.consumer({ groupId: 'g', topics: ['t'] })
  await reset.seek({ topic: 't', partition: 0, nextOffset: 99 })
  assert.equal(valuesOf(await take(reset, 1)), ['a'])
  const none = log.consumer({
    groupId: 'n',
    topics: ['t'],
    autoOffsetReset: 'none',
    positions: async () => [{ topic: 't', partition: 0, nextOffset: 99 }],
  })
  const error = await failure('OFFSET_OUT_OF_RANGE', () => take(none, 1))
  assert.is(error.details['endOffset'], 2)
})

test('a damaged partition is told of, and does not hold up the others', async () => {
  const { log, broker } = setup({ t: 1, u: 1 })
  broker.write('u', ['fine'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t', 'u'] })
  await consumer.committed({ topic: 't', partition: 0 })
  broker.topics.delete('t')
  const iterator = consumer[Symbol.asyncIterator]()
  assert.is(text((await iterator.next()).value?.value ?? null), 'fine')
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => iterator.next())
})

overBrokers('records own their bytes', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const records = await take(log.consumer({ groupId: 'g', topics: ['t'] }), 2)
  records[0]?.value?.fill(0)
  assert.equal(valuesOf(records), ['\0', 'b'])
})

overBrokers('an undecodable value throws when it is read, and the loop goes on', async (setup) => {
  const { json, topic } = {
    ...(await import('../../bindings/client/topic/json.ts')),
    ...(await import('../../bindings/client/topic/topic.ts')),
  }
  const { log, broker } = await setup()
  await broker.write('t', ['{"a":1}', 'no json', '{"a":3}'])
  const seen: unknown[] = []
  const consumer = log.consumer({ groupId: 'g', topics: [topic('t', { value: json() })] })
  for await (const record of consumer) {
    try {
      seen.push(record.value)
    } catch (error) {
      assert.ok(LogError.is(error, 'RECORD_DESERIALIZATION'))
      assert.equal(error.details, { topic: 't', partition: 0, offset: 1, part: 'value' })
      assert.not.match(error.message, 'no json')
      seen.push('bad')
    }
    if (record.offset === 2) break
  }
  assert.equal(seen, [{ a: 1 }, 'bad', { a: 3 }])
})

overBrokers('options are refused by name', async (setup) => {
  const { log } = await setup()
  const options = (more: object) => ({ groupId: 'g', topics: ['t'], ...more }) as ConsumerOptions<string>
  for (const groupId of ['', undefined, null, 5]) {
    await failure('INVALID_GROUP_ID', () => log.consumer(options({ groupId })))
  }
  const wrong = [
    ['topics', undefined, [], 't', [5], [undefined], [null], ['t', 't'], [{}]],
    ['isolationLevel', 'serializable', null, 5],
    ['autoOffsetReset', 'beginning', null],
    ['maxPollIntervalMs', 0, -1, 0.5, Number.NaN, '5', 2 ** 31],
    ['positions', [], 5],
    ['signal', null, {}, 5],
  ] as const
  for (const [name, ...values] of wrong) {
    for (const value of values) {
      const error = await failure('INVALID_REQUEST', () => log.consumer(options({ [name]: value })))
      assert.is(error.details['option'], name)
    }
  }
  await failure('INVALID_REQUEST', () => log.consumer(null as never))
})

test('a close ends the calls that wait for the group: each is told that the consumer is closed', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t')
  const place = { topic: 't', partition: 0 }
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  await first.committed(place)
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.sendOffsets(first, [{ ...place, nextOffset: 0 }])
  await first.close()
  // Where it begins is known once the transaction has ended.
  const second = log.consumer({ groupId: 'g', topics: ['t'] })
  const next = second[Symbol.asyncIterator]().next()
  const position = { ...place, nextOffset: 0 }
  const calls = [second.committed(place), second.lag(), second.seek(position), second.commit([position])]
  const refused = calls.map((call) => failure('CONSUMER_CLOSED', () => call))
  await settle()
  await second.close()
  await Promise.all(refused)
  assert.ok((await next).done)
  await log.close()
})

test.run()
