// Transactions of the engine, over files and over rows.
import * as assert from 'uvu/assert'
import type { FetchedBatch, FetchedPartition } from '../../bindings/broker/reader-session.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import { POSITIONS_TOPIC } from '../../bindings/model/names.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import type { VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { afterCrash, flushes, fresh, opened, overStorages, TOPIC_ID, values } from './transaction-hosts.ts'

const OTHER_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAw'

const test = overStorages('transactions of the engine')

test('records in several partitions become visible together, at the commit (testBasicTransactions)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  assert.is(client.send('t', 0, 'a', 'b'), 0)
  client.send('t', 1, 'c')
  host.settle()
  assert.equal([values(host, 0), values(host, 1)], [[], []])
  // Uncommitted readers ask for a higher ceiling first.
  for (const partition of [0, 1]) values(host, partition, 'read_uncommitted')
  host.settle()
  assert.equal([values(host, 0, 'read_uncommitted'), values(host, 1, 'read_uncommitted')], [['a', 'b'], ['c']])
  client.end('commit')
  assert.equal([values(host, 0), values(host, 1)], [['a', 'b'], ['c']])
  client.begin()
  client.send('t', 0, 'x')
  client.send('t', 1, 'y')
  client.send('t', 0, 'z')
  client.end('abort')
  assert.equal([values(host, 0), values(host, 1)], [['a', 'b'], ['c']])
  assert.equal(values(host, 0, 'read_uncommitted'), ['a', 'b', 'x', 'z'])
  assert.is(client.begin().send('t', 0, 'after two markers'), 6)
})

test('one flush for any number of partitions', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init()
  for (let round = 0; round < 2; round++) {
    client.begin()
    for (const partition of [0, 1, 2]) client.send('t', partition, 'value')
    const count = flushes(host, () => client.end('commit'))
    assert.is(count, 1)
  }
})

test('nobody reads past an open transaction but uncommitted readers (testReadCommittedConsumerShouldNotSee...)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const producerId = host.openProducer()
  const plain = (baseSequence: number, value: string): void => {
    const request = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence, values: [value] }
    host.send({ ...request, acks: 'all' })
    host.settle()
  }
  plain(0, 'before')
  client.send('t', 0, 'open')
  plain(1, 'behind')
  assert.equal(values(host, 0), ['before'])
  assert.equal(values(host, 0, 'read_uncommitted'), ['before', 'open', 'behind'])
  client.end('abort')
  assert.equal(values(host, 0), ['before', 'behind'])
})

test('the older of two decided: readers go on to the younger, not further (testLastStableOffsetWithMixed...)', () => {
  const host = fresh()
  const older = new TransactionalClient(host, 'older').init().begin()
  const younger = new TransactionalClient(host, 'younger').init().begin()
  older.send('t', 0, 'o1')
  younger.send('t', 0, 'y1')
  older.send('t', 0, 'o2')
  older.end('commit')
  assert.equal(values(host, 0), ['o1'])
  younger.end('abort')
  assert.equal(values(host, 0), ['o1', 'o2'])
})

// An index of aborted transactions tells with each how far readers could go after it: no further look beyond that.
test('aborted ones that overlap are passed over however little is read at a time', () => {
  const host = fresh()
  const first = new TransactionalClient(host, 'first').init().begin()
  const second = new TransactionalClient(host, 'second').init().begin()
  first.send('t', 0, 'a')
  second.send('t', 0, 'b')
  second.end('abort')
  first.end('abort')
  const seen = (over: typeof host) => {
    const positions = [{ topic: 't', partition: 0, nextOffset: 0 }]
    const request = { positions, isolationLevel: 'read_committed', maxBytes: 1, wait: false } as const
    return over.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: over, request, done }))
  }
  assert.equal(seen(host)[0]?.batches, [])
  assert.equal(seen(afterCrash(host, 'all'))[0]?.batches, [])
})

// What it sent since may be lost: committed, it would have the rest alone.
test('a transaction that went on over a close is aborted by a crash after that', () => {
  const host = fresh()
  const { instance } = new TransactionalClient(host, 'id').init().begin()
  new TransactionalClient(host, 'id').as(instance).send('t', 0, 'before the close')
  host.close()
  const again = opened(host.storage.reopened())
  new TransactionalClient(again, 'id').as(instance).send('t', 1, 'after it')
  const crashed = afterCrash(again, 'none')
  refuses('TRANSACTION_ABORTABLE', () => new TransactionalClient(crashed, 'id').as(instance).end('commit'))
  assert.equal([values(crashed, 0), values(crashed, 1)], [[], []])
})

test('a look for one record sees what committed readers see, from memory too: no open one, no aborted one, no marker', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const find = (offset: number): string | undefined => {
    const record = host.ask<FetchedBatch | undefined>((done) => {
      return { kind: 'find', topic: 't', partition: 0, offset, done }
    })
    return record && new TextDecoder().decode(record.valueOf(0) ?? undefined)
  }
  client.send('t', 0, 'a', 'b')
  host.settle()
  for (const offset of [0, 1]) refuses('OFFSET_OUT_OF_RANGE', () => find(offset))
  client.end('commit')
  client.begin()
  client.send('t', 0, 'aborted')
  client.end('abort')
  for (let round = 0; round < 2; round++) {
    assert.equal(
      [0, 1, 2, 3, 4].map((offset) => find(offset)),
      ['a', 'b', undefined, undefined, undefined],
    )
  }
  refuses('OFFSET_OUT_OF_RANGE', () => find(5))
  const again = afterCrash(host, 'none')
  const found = again.ask<FetchedBatch | undefined>((done) => {
    return { kind: 'find', topic: 't', partition: 0, offset: 1, done }
  })
  assert.equal([found?.baseOffset, found?.recordCount], [1, 1])
})

for (const kept of ['all', 'none'] as const) {
  test(`a marker that began a segment begins it again after a crash, ${kept} kept`, () => {
    // Room for a marker and a small batch, not for a larger one and a marker.
    const host = fresh({ 'segment.bytes': 170 })
    const client = new TransactionalClient(host, 'id').init()
    const sent: string[] = []
    for (let round = 0; round < 6; round++) {
      const value = round % 2 === 0 ? `${round}`.repeat(40) : `${round}`
      client.begin().send('t', 0, value)
      client.end('commit')
      sent.push(value)
    }
    assert.equal(values(host, 0), sent)
    const again = afterCrash(host, kept)
    assert.equal(again.engine.report?.damage, [])
    assert.equal([values(again, 0), again.engine.report?.setAsideFiles], [sent, []])
  })
}

test('an append needs an open transaction of its producer at its epoch, and a late one changes nothing', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init()
  refuses('TRANSACTION_ABORTABLE', () => client.send('t', 0, 'too early'))
  client.begin()
  client.send('t', 0, 'a')
  const before = client.instance
  client.end('commit')
  const late = new TransactionalClient(host, 'id').as(before)
  refuses('INVALID_TXN_STATE', () => late.send('t', 0, 'late'))
  refuses('INVALID_TXN_STATE', () => late.send('t', 1, 'late'))
  refuses('INVALID_PRODUCER_ID_MAPPING', () => late.as({ producerId: 77, producerEpoch: 0 }).send('t', 0, 'x'))
  assert.equal(values(host, 0, 'read_uncommitted'), ['a'])
  assert.equal(values(host, 1, 'read_uncommitted'), [])
})

test('a send outside the transaction of its producer is refused (testNonTransactionalAppendWithOngoing...)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const { producerId, producerEpoch } = client.instance
  const sent = host.send({
    topic: 't',
    partition: 0,
    producerId,
    producerEpoch,
    baseSequence: 1,
    values: ['b'],
    acks: 'all',
  })
  host.settle()
  assert.is((sent.error as { code?: string }).code, 'INVALID_TXN_STATE')
})

test('a retry inside a transaction is written once', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  assert.is(client.send('t', 0, 'a'), 0)
  const again = new TransactionalClient(host, 'id').as(client.instance)
  assert.is(again.send('t', 0, 'a'), 0)
  client.end('commit')
  assert.equal(values(host, 0), ['a'])
})

test('a new instance aborts what was open, under one flush, and the older one is fenced', () => {
  const host = fresh()
  const older = new TransactionalClient(host, 'id').init().begin()
  older.send('t', 0, 'lost')
  const newer = new TransactionalClient(host, 'id').init()
  for (const event of ['commit', 'abort'] as const) refuses('PRODUCER_FENCED', () => older.end(event))
  refuses('PRODUCER_FENCED', () => older.send('t', 0, 'more'))
  newer.begin().send('t', 0, 'kept')
  newer.end('commit')
  assert.equal(values(host, 0), ['kept'])
})

test('an init that comes while a commit is on its way waits for it', () => {
  const host = fresh()
  const older = new TransactionalClient(host, 'id').init().begin()
  older.send('t', 0, 'a')
  const committed = older.startEnd('commit')
  const newer = new TransactionalClient(host, 'id').init()
  assert.ok(committed.answered && committed.error === undefined)
  newer.begin().send('t', 0, 'b')
  newer.end('commit')
  assert.equal(values(host, 0), ['a', 'b'])
})

test('appends to a partition wait while its marker is on its way (rule 3)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const other = new TransactionalClient(host, 'other').init().begin()
  client.send('t', 0, 'a')
  client.startEnd('commit')
  host.engine.turn(0)
  const sent = other.startSend('t', 0, 'b')
  assert.is(sent.answered, false)
  host.settle()
  assert.is(sent.value?.baseOffset, 2)
  assert.is(other.send('t', 0, 'c'), 3)
})

test('the clock aborts what takes too long; its producer aborts and goes on (testFencingOnTransactionExpiration)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id', 1000).init().begin()
  client.send('t', 0, 'slow')
  const deadline = host.engine.nextDeadline()
  assert.ok(deadline !== undefined)
  host.engine.tick(deadline! - 1)
  assert.is(host.engine.transactions.describe('id')?.state, 'Ongoing')
  host.engine.tick(deadline!)
  host.settle()
  refuses('TRANSACTION_ABORTABLE', () => client.send('t', 0, 'too late'))
  refuses('TRANSACTION_ABORTABLE', () => client.end('commit'))
  client.end('abort')
  client.begin().send('t', 0, 'again')
  client.end('commit')
  assert.equal(values(host, 0), ['again'])
})

test('a commit whose answer was lost is answered again, after a crash too', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const before = client.instance
  const next = client.end('commit')
  for (const each of [host, afterCrash(host, 'none'), afterCrash(host, 'all')]) {
    assert.equal(new TransactionalClient(each, 'id').as(before).end('commit'), next)
    assert.equal(values(each, 0), ['a'])
  }
})

for (const kept of ['all', 'none'] as const) {
  test(`after a crash every transaction without a decision is aborted (${kept} of the unsynced bytes kept)`, () => {
    const host = fresh()
    const decided = new TransactionalClient(host, 'decided').init().begin()
    decided.send('t', 0, 'd')
    const open = new TransactionalClient(host, 'open').init().begin()
    open.send('t', 0, 'o0')
    open.send('t', 1, 'o1')
    decided.end('commit')
    const later = afterCrash(host, kept)
    assert.equal([values(later, 0), values(later, 1)], [['d'], []])
    const old = new TransactionalClient(later, 'open').as(open.instance)
    refuses('TRANSACTION_ABORTABLE', () => old.send('t', 0, 'of the older generation'))
    refuses('TRANSACTION_ABORTABLE', () => old.end('commit'))
    old.end('abort')
    old.begin().send('t', 1, 'again')
    old.end('commit')
    assert.equal(values(later, 1), ['again'])
    assert.is(later.engine.transactions.describe('open')?.state, 'CompleteCommit')
  })
}

test('after a clean close an open transaction goes on, with the time it had', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id', 5000).init().begin()
  client.send('t', 0, 'a')
  client.send('t', 2, 'b')
  const deadline = host.engine.nextDeadline()
  host.close()
  const later = new SyncHost(host.storage.reopened())
  later.sleep(host.now - later.now)
  later.open()
  assert.is(later.engine.nextDeadline(), deadline)
  assert.equal(values(later, 0), [])
  const same = new TransactionalClient(later, 'id').as(client.instance)
  same.end('commit')
  assert.equal([values(later, 0), values(later, 2)], [['a'], ['b']])
})

test('a transaction that goes on over a close takes no more partitions than before', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  host.ask<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount: 400, done }))
  const limit = partitionsUpToRefusal(client, 0)
  client.end('abort')
  client.begin()
  for (let partition = 0; partition < limit - 1; partition++) client.send('t', partition, 'x')
  host.close()
  const later = opened(host.storage.reopened())
  const same = new TransactionalClient(later, 'id').as(client.instance)
  assert.is(partitionsUpToRefusal(same, limit - 1), limit)
  same.end('commit')
  assert.equal(values(later, 0), ['x'])
})

function partitionsUpToRefusal(client: TransactionalClient, from: number): number {
  try {
    for (let partition = from; partition < 400; partition++) client.send('t', partition, 'x')
  } catch (error) {
    const { partitions } = (error as LogError<'RECORD_LIST_TOO_LARGE'>).details
    return Number(partitions)
  }
  // Rows have no frame that a decision must fit into.
  return 400
}

// It went on without them: what it had read was read again after it.
test('a transaction with offsets, which no close keeps, is aborted by the next open', () => {
  for (const withRecords of [true, false]) {
    const host = fresh()
    const generation = host.join('g', 'm', ['t'])
    const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 3 }]
    const client = new TransactionalClient(host, 'id').init().begin()
    if (withRecords) client.send('t', 1, 'a')
    client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets })
    host.close()
    const later = opened(host.storage.reopened())
    const same = new TransactionalClient(later, 'id').as(client.instance)
    refuses('TRANSACTION_ABORTABLE', () => same.end('commit'))
    same.end('abort')
    same.begin().send('t', 1, 'again')
    same.end('commit')
    assert.equal(values(later, 1), ['again'])
  }
})

// By then it was noted that the transaction goes on: it was committed without them.
test('offsets of a transaction that come while the log closes are refused', () => {
  const host = fresh()
  const generation = host.join('g', 'm', ['t'])
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 3 }]
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 1, 'a')
  const closed = host.start<void>((done) => ({ kind: 'close', done }))
  refuses('LOG_CLOSED', () => client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets }))
  host.settle()
  assert.equal([closed.answered, closed.error], [true, undefined])
  const later = opened(host.storage.reopened())
  new TransactionalClient(later, 'id').as(client.instance).end('commit')
  assert.equal(values(later, 1), ['a'])
})

test('aborted records stay unseen after close, crash and open, over segments', () => {
  const host = fresh({ 'segment.bytes': 300 })
  const client = new TransactionalClient(host, 'id').init()
  const expected: string[] = []
  for (let round = 0; round < 12; round++) {
    client.begin()
    for (let index = 0; index < 3; index++) client.send('t', 0, `${round}.${index}`)
    client.end(round % 3 === 0 ? 'commit' : 'abort')
    if (round % 3 === 0) expected.push(`${round}.0`, `${round}.1`, `${round}.2`)
  }
  assert.equal(values(host, 0), expected)
  assert.equal(values(afterCrash(host, 'none'), 0), expected)
  host.close()
  assert.equal(values(opened(host.storage.reopened()), 0), expected)
})

test('offsets of a transaction are seen with its commit, and dropped with its abort', () => {
  const host = fresh()
  const generation = host.join('g', 'm', ['t'])
  const committed = (): number | undefined => host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset
  const request = (nextOffset: number) => {
    return { groupId: 'g', memberId: 'm', generation, offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset }] }
  }
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets(request(3))
  host.settle()
  assert.is(committed(), undefined)
  client.end('abort')
  assert.is(committed(), undefined)
  client.begin().sendOffsets(request(4))
  client.end('commit')
  assert.is(committed(), 4)
  assert.is(host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset, 4)
  client.begin()
  refuses('ILLEGAL_GENERATION', () => client.sendOffsets({ ...request(5), generation: generation + 1 }))
  refuses('UNKNOWN_MEMBER_ID', () => client.sendOffsets({ ...request(5), memberId: 'other' }))
  client.end('abort')
})

test('a later plain commit wins (testReplayTransactionEndMarkerKeepsTheMostRecentCommittedOffset)', () => {
  const host = fresh()
  const generation = host.join('g', 'm', ['t'])
  const request = (nextOffset: number) => {
    return { groupId: 'g', memberId: 'm', generation, offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset }] }
  }
  const client = new TransactionalClient(host, 'id').init().begin()
  const other = new TransactionalClient(host, 'other').init().begin()
  client.sendOffsets(request(5))
  other.sendOffsets(request(6))
  host.ask<void>((done) => ({ kind: 'commitOffsets', request: request(9), done }))
  other.sendOffsets(request(7))
  other.end('commit')
  assert.is(host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset, 7)
  client.end('commit')
  assert.is(host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset, 7)
})

test('when a topic in an open transaction is deleted, its part of the transaction goes with it', () => {
  const host = fresh()
  host.createTopic(OTHER_TOPIC_ID, 'other', 1, {})
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  client.send('other', 0, 'b')
  host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'other', done }))
  client.end('commit')
  assert.equal(values(host, 0), ['a'])
})

test("the positions of ingest are a transaction's data: what a crash leaves of them undecided is aborted, and no damage", () => {
  let host = fresh()
  const positions = (): string[] => host.fetchAll(POSITIONS_TOPIC, 0).map(({ value }) => value)
  const send = (value: string): TransactionalClient => {
    const client = new TransactionalClient(host, 'source').init().begin()
    client.key = 'source'
    client.send('t', 0, value)
    client.send(POSITIONS_TOPIC, 0, value)
    return client
  }
  // The first one, whose file is new, and one after a decided one: data is in its file, its frame isn't written yet.
  for (const value of ['1', '2']) {
    const client = send(value)
    let left: VirtualStorage | undefined
    host.storage.watch = (_operations, _kind, path) => {
      if (path.endsWith('.ring') || path === 'rows') left ??= host.storage.image(new Random(1), 'all')
    }
    client.end('commit')
    host = opened(left)
    send(value).end('commit')
    assert.is(positions().at(-1), value)
  }
  assert.equal(positions(), ['1', '2'])
  assert.equal(values(host, 0), ['1', '2'])
})

test('an id that nobody used for a week expires, over a crash too', () => {
  const host = fresh({ 'retention.ms': -1 })
  const idle = new TransactionalClient(host, 'idle').init().begin()
  idle.send('t', 0, 'a')
  idle.end('commit')
  host.engine.tick(host.engine.nextDeadline()! + 8 * 24 * 3_600_000)
  host.settle()
  const later = afterCrash(host, 'none')
  for (const each of [host, later]) {
    assert.equal(each.engine.transactions.list(), [])
    refuses('INVALID_PRODUCER_ID_MAPPING', () => new TransactionalClient(each, 'idle').as(idle.instance).begin())
    assert.equal(values(each, 0), ['a'])
  }
  new TransactionalClient(later, 'idle').init().begin().send('t', 0, 'b')
})

test.run()
