// What counts as finished, what a commit refuses, and offsets that the user's own database keeps.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Assignment } from '../../bindings/client/consumer/assignment.ts'
import { failure, overBrokers, setup, take, text } from './support.ts'

const at = { topic: 't', partition: 0 }

overBrokers('a record and a batch are committed as the offset after them', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c', 'd'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const [record] = await take(consumer, 1)
  if (record === undefined) throw new Error('no record')
  assert.is(await consumer.committed(at), undefined)
  await consumer.commit(record)
  assert.is(await consumer.committed(at), 1)
  const [batch] = await take(consumer.batches({ maxRecords: 2 }), 1)
  if (batch === undefined) throw new Error('no batch')
  await consumer.commit(batch)
  assert.is(await consumer.committed(at), 3)
})

overBrokers('a record is finished when its iteration asked for the next one', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  for await (const { offset } of consumer) {
    const error = await failure('UNFINISHED_RECORDS', () => consumer.commit([{ ...at, nextOffset: offset + 1 }]))
    assert.is(error.details['unfinishedOffset'], offset)
    await consumer.commit([{ ...at, nextOffset: offset }])
    if (offset === 2) break
  }
  assert.is(await consumer.committed(at), 2)
})

overBrokers('passing a record, its batch or a later record of its partition to commit finishes it', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b', 'c', 'd', 'e'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const commitAt = (nextOffset: number) => consumer.commit([{ ...at, nextOffset }])
  const [a] = await take(consumer, 1)
  await failure('UNFINISHED_RECORDS', () => commitAt(1))
  if (a !== undefined) await consumer.commit(a)
  await commitAt(1)
  const [batch] = await take(consumer.batches({ maxRecords: 3 }), 1)
  if (batch === undefined) throw new Error('no batch')
  await failure('UNFINISHED_RECORDS', () => commitAt(4))
  const [, middle] = batch
  if (middle !== undefined) await consumer.commit(middle)
  await commitAt(3)
  const error = await failure('UNFINISHED_RECORDS', () => commitAt(4))
  assert.is(error.details['unfinishedOffset'], 3)
  await consumer.commit(batch)
  await commitAt(4)
})

overBrokers(
  'a record at which an iteration ended stays unfinished, however far later iterations come',
  async (setup) => {
    const { log, broker } = await setup()
    await broker.write('t', ['a', 'b', 'c', 'd', 'e'])
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await take(consumer, 2)
    const later = await take(consumer, 2)
    const error = await failure('UNFINISHED_RECORDS', () => consumer.commit([{ ...at, nextOffset: 3 }]))
    assert.is(error.details['unfinishedOffset'], 1)
    await consumer.commit([{ ...at, nextOffset: 1 }])
    if (later[0] !== undefined) await consumer.commit(later[0])
    await consumer.commit([{ ...at, nextOffset: 3 }])
    await failure('UNFINISHED_RECORDS', () => consumer.commit([{ ...at, nextOffset: 4 }]))
  },
)

overBrokers('with allowSkip a commit may pass unfinished records', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer.batches(), 1)
  await failure('UNFINISHED_RECORDS', () => consumer.commit([{ ...at, nextOffset: 2 }], { allowSkip: false }))
  await consumer.commit([{ ...at, nextOffset: 2 }], { allowSkip: true })
  assert.is(await consumer.committed(at), 2)
})

test('when one position of several is refused, none is committed', async () => {
  const { log, broker } = setup({ t: 2 })
  broker.write('t', ['a'], 1)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer, 1)
  const positions = [0, 1].map((partition) => ({ topic: 't', partition, nextOffset: 1 }))
  await failure('UNFINISHED_RECORDS', () => consumer.commit(positions))
  assert.equal(broker.committed, [])
})

overBrokers('after a seek nothing is unfinished', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a', 'b'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer, 2)
  await consumer.seek({ ...at, nextOffset: 0 })
  await consumer.commit([{ ...at, nextOffset: 2 }])
})

test('a commit of what an earlier generation delivered is refused after the consumer joined again', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const [batch] = await take(consumer.batches({ maxRecords: 1 }), 1)
  const [record] = await take(consumer, 1)
  broker.expel('g')
  await failure('UNKNOWN_MEMBER_ID', async () => batch && consumer.commit(batch))
  await take(consumer, 1)
  const error = await failure('ILLEGAL_GENERATION', async () => batch && consumer.commit(batch))
  assert.equal([error.category, error.message], ['rejoin', 't-0 was given up since its records were delivered'])
  await failure('ILLEGAL_GENERATION', async () => record && consumer.commit(record))
  assert.equal(broker.committed, [])
})

test('a commit of what another consumer delivered is refused for that', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b'])
  const consumers = ['g', 'h'].map((groupId) => log.consumer({ groupId, topics: ['t'] }))
  const records = []
  for (const consumer of consumers) records.push(...(await take(consumer, 1)))
  const [[record], other] = [records, consumers[1]]
  const { message } = await failure('ILLEGAL_GENERATION', async () => record && other?.commit(record))
  assert.is(message, 'the records of t-0 were delivered by another consumer')
})

test('records of a partition that is still held are committed over any rebalance; if it was lost and assigned again they are refused', async () => {
  const assignment = new Assignment('g')
  const topicIds = new Map([['t', 'id']])
  const given = (next = [{ ...at, nextOffset: 0, topicId: 'id' }]) =>
    assignment.change({
      next,
      isFirst: false,
      topicIds: async () => topicIds,
      startsOf: async (added) => added as typeof next,
    })
  await given()
  const held = assignment.find(at)
  await given()
  assert.is(assignment.stillHeld(at, held), held)
  await given([])
  await given()
  await failure('ILLEGAL_GENERATION', async () => assignment.stillHeld(at, held))
  await failure('ILLEGAL_GENERATION', async () => assignment.stillHeld(at, undefined))
  assert.is(assignment.stillHeld(at, assignment.find(at)), assignment.find(at))
})

test('offsets in the user’s own database: asked on every assignment, never committed here', async () => {
  const { log, broker } = setup({ t: 2 })
  broker.write('t', ['a', 'b'], 0)
  broker.write('t', ['x'], 1)
  const asked: unknown[] = []
  const consumer = log.consumer({
    groupId: 'g',
    topics: ['t'],
    positions: async (assigned) => {
      asked.push(assigned)
      return [{ topic: 't', partition: 0, nextOffset: 1 }]
    },
  })
  const batches = await take(consumer.batches(), 2)
  assert.equal(batches.flatMap((batch) => [...batch].map(({ value }) => text(value))).sort(), ['b', 'x'])
  assert.is(asked.length, 1)
  await failure('INVALID_REQUEST', async () => batches[0] && consumer.commit(batches[0]))
  broker.expel('g')
  await take(consumer, 1)
  assert.is(asked.length, 2)
  assert.equal(broker.committed, [])
})

overBrokers('wrong answers of positions are refused', async (setup) => {
  for (const answer of [undefined, {}, [{ topic: 't', partition: 0, offset: 5 }], [{ ...at, nextOffset: -1 }]]) {
    const { log } = await setup()
    const consumer = log.consumer({ groupId: 'g', topics: ['t'], positions: async () => answer as never })
    await failure('INVALID_REQUEST', () => take(consumer, 1))
  }
})

overBrokers('wrong arguments are refused', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer, 1)
  const offsets = [-1, 0.5, Number.NaN, 2 ** 53, '1', undefined]
  for (const nextOffset of offsets) {
    await failure('INVALID_REQUEST', () => consumer.commit([{ ...at, nextOffset: nextOffset as number }]))
    await failure('INVALID_REQUEST', () => consumer.seek({ ...at, nextOffset: nextOffset as number }))
    await failure('INVALID_REQUEST', () => consumer.seek({ ...at, timestamp: nextOffset as number }))
  }
  for (const done of [
    undefined,
    null,
    5,
    {},
    { offset: 4 },
    { ...at, nextOffset: 1 },
    [{ ...at, offset: 1 }],
    [null],
  ]) {
    await failure('INVALID_REQUEST', () => consumer.commit(done as never))
  }
  await failure('INVALID_REQUEST', () =>
    consumer.commit([
      { ...at, nextOffset: 0 },
      { ...at, nextOffset: 0 },
    ]),
  )
  for (const place of [
    undefined,
    null,
    {},
    't',
    { topic: 't' },
    { topic: 't', partition: 9 },
    { topic: 'u', partition: 0 },
  ]) {
    await failure('INVALID_REQUEST', () => consumer.position(place as never))
    await failure('INVALID_REQUEST', () => consumer.pause([place as never]))
    await failure('INVALID_REQUEST', () => consumer.seek({ ...(place as object), nextOffset: 0 } as never))
  }
  await failure('INVALID_REQUEST', () => consumer.committed(null as never))
  await failure('INVALID_REQUEST', () => consumer.on('joined' as never, () => {}))
  await failure('INVALID_REQUEST', () => consumer.on('assigned', undefined as never))
  for (const maxRecords of [0, -1, 0.5, Number.NaN, '5', null]) {
    await failure('INVALID_REQUEST', () => consumer.batches({ maxRecords: maxRecords as number }))
    await failure('INVALID_REQUEST', () => consumer.batches({ maxBytes: maxRecords as number }))
  }
})

test.run()
