// Which handlers are told that partitions come and go, and what becomes of an error that a handler throws.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { openMemory } from '../../bindings/entry/node.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from './fake-port.ts'
import { failure, gate, oneRecord, setup, take, text } from './support.ts'

test('handlers are awaited, in their order; a member that was expelled joins again at the committed offset', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a', 'b', 'c'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const told: string[] = []
  for (const event of ['assigned', 'revoked', 'lost'] as const) {
    consumer.on(event, async (partitions) => {
      await settle()
      told.push(`${event} ${partitions.map(({ partition }) => partition)}`)
    })
  }
  const seen: (string | null)[] = []
  for await (const batch of consumer.batches({ maxRecords: 1 })) {
    for (const record of batch) seen.push(text(record.value))
    if (seen.length === 1) await consumer.commit(batch)
    if (seen.length === 3) broker.expel('g')
    if (seen.length === 5) break
  }
  assert.equal(seen, ['a', 'b', 'c', 'b', 'c'])
  await consumer.close()
  assert.equal(told, ['assigned 0', 'lost 0', 'assigned 0', 'revoked 0'])
})

// Found by the simulation of groups: the member left its group there, and the partitions that it had just been assigned
// were lost.
test('an iteration that is given up while handlers are told of the first assignment takes nothing from the member', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const told: string[] = []
  for (const event of ['assigned', 'revoked', 'lost'] as const) consumer.on(event, () => void told.push(event))
  const abort = new AbortController()
  consumer.on('assigned', async () => {
    abort.abort(new Error('given up'))
    await settle()
  })
  const given = take(consumer.batches({ signal: abort.signal }), 1)
  assert.is(await given.catch((error: unknown) => error), abort.signal.reason)
  await settle()
  const [record] = await take(consumer, 1)
  await consumer.commit(record as NonNullable<typeof record>)
  assert.equal(told, ['assigned'])
  await log.close()
})

test('a close while handlers are told of the first assignment: those of revoked may still commit', async () => {
  const { log, consumer } = await oneRecord()
  const began = gate()
  consumer.on('assigned', async () => {
    began.open()
    await settle()
  })
  consumer.on('revoked', () => consumer.commit([{ topic: 't', partition: 0, nextOffset: 1 }]))
  const given = take(consumer, 1)
  await began.opened
  await consumer.close()
  assert.equal(await given, [])
  assert.equal((await log.admin.listGroups())[0]?.offsets, [{ topic: 't', partition: 0, nextOffset: 1 }])
  await log.close()
})

// Found by the simulation of groups: the second time, the member lost what it had been assigned since.
test('what a handler throws while nothing iterates is told once, to the iteration that begins meanwhile', async () => {
  const { log, consumer } = await oneRecord()
  await take(consumer, 1)
  const thrown = new Error('of the handler')
  const [began, go] = [gate(), gate()]
  let isFirst = true
  consumer.on('assigned', async () => {
    if (!isFirst) return
    isFirst = false
    began.open()
    await go.opened
    throw thrown
  })
  await log.admin.createPartitions('t', 2)
  await began.opened
  settle().then(go.open, assert.unreachable)
  assert.is(await take(consumer, 1).catch((error: unknown) => error), thrown)
  assert.is((await take(consumer, 1)).length, 1)
  await log.close()
})

test('a member that nobody iterates hears at once that the group put it out', async () => {
  const port = new FakePort()
  const log = await openLog(new MemoryStore(), port)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'a' })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 5000 })
  await take(consumer, 1)
  const lost: unknown[] = []
  consumer.on('lost', (partitions) => void lost.push(partitions))
  await port.advance(4900)
  assert.equal(lost, [])
  await port.advance(200)
  await settle()
  assert.equal(lost, [[{ topic: 't', partition: 0 }]])
  await log.close()
})

test('a close whose revoked handler commits after the group put the member out ends well: the commit tells, and the partitions are lost', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const told: unknown[] = []
  const [record] = await take(consumer, 1)
  consumer.on('revoked', async () => {
    const committing = consumer.commit(record as NonNullable<typeof record>)
    await committing.catch(({ code }: LogError) => told.push(code))
    await committing
  })
  consumer.on('lost', (partitions) => void told.push(partitions))
  broker.expel('g')
  await consumer.close().catch(({ code }: LogError) => told.push(`close: ${code}`))
  assert.equal(told, ['UNKNOWN_MEMBER_ID', [{ topic: 't', partition: 0 }]])
  assert.equal(consumer.assignment(), [])
})

test('a close rejects with what a revoked handler throws for reasons of its own', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer, 1)
  const mine = new Error('of the program')
  consumer.on('revoked', () => Promise.reject(mine))
  assert.is(await consumer.close().catch((error: unknown) => error), mine)
  assert.is(broker.group('g').member, undefined)
})

// Found by the simulation of groups: a handler was told once its consumer was closed.
test('a close while handlers of an iteration are told that all is lost waits for them', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const { opened, open } = gate()
  const told: string[] = []
  consumer.on('lost', async () => {
    told.push('first')
    await opened
  })
  consumer.on('lost', () => void told.push('second'))
  const iterating = (async () => {
    for await (const _ of consumer) broker.expel('g')
  })()
  while (told.length === 0) await settle()
  const closing = consumer.close().then(() => void told.push('closed'))
  await settle()
  assert.equal(told, ['first'])
  open()
  await closing
  assert.equal(told, ['first', 'second', 'closed'])
  await iterating.catch(() => {})
})

test('an error of another consumer does not mean that this one was put out: if a handler throws it, it is raised', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const other = log.consumer({ groupId: 'other', topics: ['t'] })
  const [record] = await take(other, 1)
  broker.expel('other')
  const refusal = await failure('UNKNOWN_MEMBER_ID', () => other.commit(record as NonNullable<typeof record>))
  for (const event of ['assigned', 'revoked'] as const) {
    const consumer = log.consumer({ groupId: event, topics: ['t'] })
    let calls = 0
    let losses = 0
    consumer.on('lost', () => void losses++)
    consumer.on(event, () => {
      if (++calls > 3) throw new Error('told again and again')
      throw refusal
    })
    const joining = take(consumer, 1)
    if (event === 'revoked') await joining
    const ending = event === 'revoked' ? consumer.close() : joining
    assert.is(await ending.catch((error: unknown) => error), refusal)
    if (event === 'revoked') assert.is(losses, 0)
    assert.is(broker.group(event).member, undefined)
  }
})

test('a close while partitions are being given up waits for the handlers, and tells of each partition once', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t', { partitions: 2 })
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  await first.committed({ topic: 't', partition: 0 })
  const told: unknown[] = []
  const waiting: (() => void)[] = []
  first.on('revoked', async (partitions) => {
    told.push(partitions.map(({ partition }) => partition))
    await new Promise<void>((resolve) => waiting.push(resolve))
    await first.commit(partitions.map((at) => ({ ...at, nextOffset: 0 })))
    told.push('committed')
  })
  const second = log.consumer({ groupId: 'g', topics: ['t'] })
  const joining = second.committed({ topic: 't', partition: 0 })
  await settle()
  const closing = first.close()
  await settle()
  assert.equal(told, [[0]])
  while (waiting.length > 0) {
    waiting.shift()?.()
    await settle()
  }
  await closing
  assert.equal(told, [[0], 'committed', [1], 'committed'])
  await joining
  await settle()
  assert.is(second.assignment().length, 2)
  await log.close()
})

test('a rebalance while a close tells its handlers takes nothing from the member a second time', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t', { partitions: 2 })
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  await first.committed({ topic: 't', partition: 0 })
  const told: unknown[] = []
  let go = () => {}
  first.on('revoked', async (partitions) => {
    told.push(partitions.map(({ partition }) => partition))
    await new Promise<void>((resolve) => (go = resolve))
  })
  const closing = first.close()
  await settle()
  const second = log.consumer({ groupId: 'g', topics: ['t'] })
  const joining = second.committed({ topic: 't', partition: 0 })
  await settle()
  assert.equal(told, [[0, 1]])
  go()
  await closing
  await joining
  await settle()
  assert.is(second.assignment().length, 2)
  await log.close()
})

for (const isIterating of [true, false]) {
  const how = isIterating ? 'iterating' : 'idle'
  test(`${how}: a close rejects with what a handler throws of a rebalance that was under way`, async () => {
    const log = await openLog(new MemoryStore(), new FakePort())
    await log.admin.createTopic('t', { partitions: 2 })
    const first = log.consumer({ groupId: 'g', topics: ['t'] })
    await first.committed({ topic: 't', partition: 0 })
    const iteration = isIterating ? first[Symbol.asyncIterator]().next() : undefined
    const mine = new Error('of the program')
    let fail = () => {}
    first.on('revoked', () => new Promise((_, reject) => (fail = () => reject(mine))))
    const second = log.consumer({ groupId: 'g', topics: ['t'] })
    const joining = second.committed({ topic: 't', partition: 0 })
    await settle()
    const closed = first.close().catch((error: unknown) => error)
    fail()
    assert.is(await closed, mine)
    await Promise.all([iteration, joining])
    await settle()
    assert.is(second.assignment().length, 2)
    await log.close()
  })
}

test('what is on its way into force is given to nobody else while handlers are told of what is lost', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t', { partitions: 2 })
  const holders = new Map<number, string>()
  const taken: string[] = []
  const member = (name: string) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    consumer.on('assigned', (partitions) => {
      for (const { partition } of partitions) {
        if (holders.has(partition)) taken.push(`${name} has ${partition} of ${holders.get(partition)}`)
        holders.set(partition, name)
      }
    })
    for (const event of ['revoked', 'lost'] as const) {
      consumer.on(event, (partitions) => {
        for (const { partition } of partitions) holders.delete(partition)
      })
    }
    return consumer
  }
  const first = member('first')
  let go = () => {}
  first.on('lost', () => new Promise<void>((resolve) => (go = resolve)))
  for await (const record of (await log.producer().send({ topic: 't', value: 'x', partition: 0 })) && first) {
    // With a record in hand the outcome waits until it is made again.
    assert.is(record.offset, 0)
    await log.admin.deleteTopic('t')
    await log.admin.createTopic('t', { partitions: 2 })
    await settle()
    break
  }
  await settle()
  const second = member('second')
  const joining = second.committed({ topic: 't', partition: 0 })
  await settle()
  go()
  await joining
  await settle()
  assert.equal(taken, [])
  assert.equal([first.assignment().length, second.assignment().length], [1, 1])
  await log.close()
})

test('all handlers are called even if one throws, and the first failure is raised', async () => {
  const { log, broker } = setup()
  broker.write('t', ['a'])
  const thrown = { assigned: new Error('at assigned'), revoked: new Error('at revoked'), lost: new Error('at lost') }
  for (const event of ['assigned', 'revoked', 'lost'] as const) {
    const consumer = log.consumer({ groupId: event, topics: ['t'] })
    if (event !== 'assigned') await take(consumer, 1)
    const told: string[] = []
    consumer.on(event, () => {
      told.push('throws')
      throw thrown[event]
    })
    consumer.on(event, () => {
      told.push('rejects')
      return Promise.reject(new Error('a later one'))
    })
    consumer.on(event, ([partition]) => void told.push(`is told of ${partition?.topic}-${partition?.partition}`))
    if (event === 'lost') broker.expel(event)
    const ending = event === 'revoked' ? consumer.close() : take(consumer, 1)
    assert.is(await ending.catch((error: unknown) => error), thrown[event])
    assert.equal(told, ['throws', 'rejects', 'is told of t-0'])
    if (event !== 'revoked') await consumer.close()
  }
})

test('a member whose handlers throw at a rebalance leaves the group, also where the one of lost throws too', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: 2 })
  await log.producer().send([0, 1].map((partition) => ({ topic: 't', partition, value: 'x' })))
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  const thrown: Error[] = []
  for (const event of ['revoked', 'lost'] as const) {
    first.on(event, () => {
      thrown.push(new Error(event))
      throw thrown.at(-1)
    })
  }
  const ended = take(first, 3).catch((error: unknown) => error)
  while (first.assignment().length < 2) await settle()
  const second = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.is((await take(second, 2)).length, 2)
  assert.ok(thrown.includes((await ended) as Error))
  assert.equal(
    thrown.map(({ message }) => message),
    ['revoked', 'lost'],
  )
  assert.is((await log.admin.listGroups())[0]?.members, 1)
  await log.close()
})

// The member kept its partitions: its group went back to before what others had committed, and its handlers committed
// offsets of partitions that others held.
test('a member that leaves because its first handler threw holds nothing any more, and begins anew', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send(Array.from({ length: 10 }, (_, index) => ({ topic: 't', value: `${index}` })))
  const at = { topic: 't', partition: 0 }
  const options = { groupId: 'g', topics: ['t'] }
  const first = log.consumer(options)
  const told: string[] = []
  for (const event of ['assigned', 'revoked', 'lost'] as const) first.on(event, () => void told.push(event))
  first.on('assigned', () => {
    if (told.length === 1) throw new Error('the first time')
  })
  first.on('revoked', (given) => first.commit(given.map((each) => ({ ...each, nextOffset: first.position(each) }))))
  assert.is((await take(first, 1).catch((error: Error) => error.message)) as unknown, 'the first time')
  assert.equal([told, first.assignment()], [['assigned', 'lost'], []])
  const second = log.consumer(options)
  const [half] = await take(second.batches({ maxRecords: 5 }), 1)
  await second.commit(half as NonNullable<typeof half>)
  // The first consumer joins again, beside the second one.
  await first.lag()
  assert.is(await second.committed(at), 5)
  await second.close()
  const [rest] = await take(first.batches(), 1)
  assert.is(rest?.baseOffset, 5)
  await log.close()
})

// The handler waited for the join that waited for it, and so did every later call and the close.
test('if a join failed, calls of the handlers that are told so reject with its error', async () => {
  const mine = new Error('of the program')
  for (const cause of ['put out', 'thrown'] as const) {
    const { log, broker } = setup()
    broker.write('t', ['a'])
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const told: unknown[] = []
    consumer.on('assigned', async (partitions) => {
      told.push('assigned')
      if (told.length > 1) return
      if (cause === 'thrown') throw mine
      broker.expel('g')
      await consumer.commit(partitions.map((at) => ({ ...at, nextOffset: 0 })))
    })
    consumer.on('lost', async (partitions) => {
      told.push('lost')
      const committing = consumer.commit(partitions.map((at) => ({ ...at, nextOffset: 0 })))
      await committing.catch((error: LogError) => told.push(error.code ?? error))
      await committing
    })
    const ended = await take(consumer, 1).catch((error: unknown) => error)
    if (cause === 'thrown') assert.is(ended, mine)
    else assert.is((ended as readonly unknown[]).length, 1)
    assert.equal(told, ['assigned', 'lost', ...(cause === 'thrown' ? [mine] : ['UNKNOWN_MEMBER_ID', 'assigned'])])
    await consumer.close()
  }
})

// The member was still in the group, which waited for it for as long as a member may take, while the handler waited for
// the group.
test('a handler of lost may make the consumer join again: by then the old member has left', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t', { partitions: 2 })
  const place = { topic: 't', partition: 0 }
  const first = log.consumer({ groupId: 'g', topics: ['t'] })
  await first.committed(place)
  const told: unknown[] = []
  first.on('revoked', () => Promise.reject(new Error('of the program')))
  first.on('lost', async () => void told.push(await first.committed(place)))
  const second = log.consumer({ groupId: 'g', topics: ['t'] })
  await second.committed(place)
  await settle()
  assert.equal(told, [undefined])
  await settle()
  assert.equal([first.assignment().length, second.assignment().length], [1, 1])
  await log.close()
})

// Regression: the close waited for the handler, which waited for its iteration, and that one for the handler.
for (const isFirst of [true, false]) {
  const when = isFirst ? 'the first assignment' : 'a later one'
  test(`a handler of ${when} that iterates its own consumer waits until that is closed`, async () => {
    const { log, consumer } = await oneRecord()
    const told: string[] = []
    const iterate = async () => {
      told.push('begins')
      for await (const _ of consumer) assert.unreachable()
      told.push('ends')
    }
    if (!isFirst) await consumer.lag()
    consumer.on('assigned', iterate)
    consumer.on('revoked', () => void told.push('revoked'))
    const lag = isFirst ? consumer.lag() : undefined
    if (!isFirst) await log.admin.createPartitions('t', 2)
    while (told.length === 0) await settle()
    await settle()
    await consumer.close()
    assert.equal(told, ['begins', 'ends', 'revoked'])
    await lag
    await log.close()
  })
}

test('a handler whose consumer is iterated already is refused an iteration of its own', async () => {
  const { log, consumer } = await oneRecord()
  consumer.on('assigned', () => failure('CONSUMER_BUSY', () => take(consumer, 1)).then(() => {}))
  assert.is((await take(consumer, 1)).length, 1)
  await log.close()
})

test.run()
