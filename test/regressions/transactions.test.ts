// Faults that transactions of other systems had, and behaviours that Kafka's own tests hold; each is named after its
// source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition } from '../../bindings/broker/reader-session.ts'
import type { ProducerInstance } from '../../bindings/coordinator/transaction/transaction-entry.ts'
import { encodeTransaction } from '../../bindings/coordinator/transaction/transaction-record.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { CrashSignal, VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { afterCrash, fresh, plain, TOPIC_ID, values } from '../guarantees/support.ts'
import { refuses } from '../log/catalogue/fixtures.ts'

function offsetsOf(host: SyncHost): (nextOffset: number) => Parameters<TransactionalClient['sendOffsets']>[0] {
  const generation = host.join('g', 'm', ['t'])
  return (nextOffset) => {
    return { groupId: 'g', memberId: 'm', generation, offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset }] }
  }
}

function committed(host: SyncHost): number | undefined {
  return host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset
}

for (const event of ['commit', 'abort'] as const) {
  test(`a delayed ${event} of a transaction doesn't touch the next one (KIP-890, Bufstream)`, () => {
    const host = fresh()
    const client = new TransactionalClient(host, 'id').init().begin()
    client.send('t', 0, 'first')
    const first = client.instance
    client.end(event)
    client.begin().send('t', 0, 'second')
    const late = new TransactionalClient(host, 'id').as(first)
    for (const again of ['commit', 'abort'] as const) {
      // Answered by the record of the first, or refused.
      try {
        late.as(first).end(again)
        assert.is(again, event)
      } catch (error) {
        assert.ok(LogError.is(error, 'INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'PRODUCER_FENCED'), String(error))
      }
      assert.is(host.engine.transactions.describe('id')?.state, 'Ongoing')
    }
    client.end('commit')
    assert.equal(values(host), event === 'commit' ? ['first', 'second'] : ['second'])
  })
}

test('a record that comes after its abort is refused, and readers go on (KIP-890, apache/kafka#12392)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'aborted')
  const late = new TransactionalClient(host, 'id').as(client.instance)
  client.end('abort')
  refuses('TRANSACTION_ABORTABLE', () => late.send('t', 1, 'late'))
  const { partition } = host.engine.topics.partition('t', 1)
  assert.is(partition.lastStableOffset, partition.watermarks.nextOffset)
  client.begin().send('t', 1, 'next')
  client.end('commit')
  assert.equal(values(host, 1), ['next'])
})

test('a delayed record of a transaction does not join the next one, where nobody heard of either (KIP-890)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'first')
  const late = new TransactionalClient(host, 'id').as(client.instance)
  client.end('commit')
  client.begin().send('t', 0, 'second')
  refuses('INVALID_TXN_STATE', () => late.send('t', 2, 'late'))
  client.end('commit')
  assert.equal([values(host), values(host, 2)], [['first', 'second'], []])
})

test("a commit that races the clock's abort is told to abort, nothing fatal (KAFKA-20785, apache/kafka#23204)", () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id', 1000).init().begin()
  client.send('t', 0, 'slow')
  host.engine.tick(host.engine.nextDeadline()!)
  assert.is(host.engine.transactions.describe('id')?.state, 'PrepareAbort')
  const committed = client.startEnd('commit')
  host.settle()
  assert.ok(LogError.is(committed.error, 'TRANSACTION_ABORTABLE'), String(committed.error))
  client.end('abort')
  client.begin().send('t', 0, 'next')
  client.end('commit')
  assert.equal(values(host), ['next'])
})

test('the end of a transaction asked twice at once has one answer (ydb-platform/ydb#52731)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const before = client.instance
  const asked = [client.startEnd('commit'), new TransactionalClient(host, 'id').as(before).startEnd('commit')]
  const began = host.start<void>((done) => ({ kind: 'beginTransaction', instance: before, done }))
  host.settle()
  assert.ok(LogError.is(began.error) && began.error.category === 'retriable', String(began.error))
  assert.equal(asked[0]?.value, asked[1]?.value)
  assert.equal(
    asked.map(({ error }) => error),
    [undefined, undefined],
  )
})

test('a reader sees nothing of an abort that takes its time, at any step of it (streamnative/kop#1283)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  for (const partition of [0, 1, 2]) client.send('t', partition, 'aborted')
  const ended = client.startEnd('abort')
  while (!ended.answered) {
    for (const partition of [0, 1, 2]) assert.equal(values(host, partition), [])
    if (!host.advance()) break
  }
  assert.ok(ended.answered)
})

test('partitions show a commit at one moment, even where a marker begins a segment (P9)', () => {
  const host = fresh()
  const roll = { 'segment.bytes': 120 }
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes: roll, done }))
  const client = new TransactionalClient(host, 'id').init()
  for (let round = 0; round < 4; round++) {
    client.begin()
    for (const partition of [0, 1, 2]) client.send('t', partition, `${round}`)
    const ended = client.startEnd('commit')
    const seen = new Set<string>()
    for (;;) {
      const shown = [0, 1, 2].map((partition) => stable(host, partition))
      seen.add(shown.join())
      if (!host.advance()) break
    }
    assert.ok(ended.answered)
    assert.equal([...seen], [`${2 * round},${2 * round},${2 * round}`, after(round)], 'before, then after')
  }
})

function stable(host: SyncHost, partition: number): number {
  return host.engine.topics.partition('t', partition).partition.lastStableOffset
}

function after(round: number): string {
  return [0, 1, 2].map(() => 2 * round + 2).join()
}

test('two transactions between each other, one aborted, beside a fetch that waits (testDelayedFetchIncludesAborted...)', () => {
  const host = fresh()
  const [kept, lost] = ['kept', 'lost'].map((id) => new TransactionalClient(host, id).init().begin())
  kept!.send('t', 0, 'k0')
  const position = { topic: 't', partition: 0, nextOffset: 0 }
  const request = { positions: [position], isolationLevel: 'read_committed' as const, maxBytes: 1e6, wait: true }
  const waiting = host.start<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: {}, request, done }))
  lost!.send('t', 0, 'l0')
  lost!.send('t', 0, 'l1')
  kept!.send('t', 0, 'k1')
  lost!.end('abort')
  host.settle()
  assert.not(waiting.answered, 'the older one is open')
  kept!.end('commit')
  host.settle()
  const batches = waiting.value?.flatMap((part) => part.batches) ?? []
  assert.equal(
    batches.map(({ baseOffset }) => baseOffset),
    [0, 3],
  )
  assert.equal(
    afterCrash(host, 'none')
      .fetchAll('t', 0)
      .map(({ offset }) => offset),
    [0, 3],
  )
})

test('an aborted transaction over several segments is seen from nowhere (testAbortedTransactionSpanningMultipleSegments)', () => {
  const host = fresh()
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes: { 'segment.bytes': 200 }, done }))
  const client = new TransactionalClient(host, 'id').init().begin()
  for (let index = 0; index < 9; index++) client.send('t', 0, `aborted ${index}`)
  client.end('abort')
  client.begin().send('t', 0, 'kept')
  client.end('commit')
  const segments = host.storage.list('t-0').filter((name) => name.endsWith('.log'))
  assert.ok(segments.length > 4, segments.join())
  host.close()
  for (const each of [new SyncHost(host.storage.reopened()), unopened(host, 'none')]) {
    each.open()
    for (let nextOffset = 0; nextOffset <= 10; nextOffset++) assert.equal(offsetsFrom(each, nextOffset), [10])
  }
})

function unopened(host: SyncHost<VirtualDisk>, mode: 'none'): SyncHost {
  return new SyncHost(host.storage.image(new Random(1), mode))
}

/** What a committed reader that begins there gets, one batch a fetch. */
function offsetsFrom(host: SyncHost, from: number): number[] {
  const seen: number[] = []
  for (let nextOffset = from; ; ) {
    const request = {
      positions: [{ topic: 't', partition: 0, nextOffset }],
      isolationLevel: 'read_committed' as const,
      maxBytes: 1,
      wait: false,
    }
    const [part] = host.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: {}, request, done }))
    seen.push(...(part?.batches ?? []).map(({ baseOffset }) => baseOffset))
    if (part === undefined || part.nextOffset === nextOffset) return seen
    nextOffset = part.nextOffset
  }
}

test('aborted transactions that overlap, the later first: each is filtered (confluentinc/kafka#145, redpanda#11309)', () => {
  const host = fresh()
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes: { 'segment.bytes': 300 }, done }))
  const clients = ['a', 'b', 'c'].map((id) => new TransactionalClient(host, id).init().begin())
  for (const value of ['00', '10', '20', '01', '11', '21', '02', '12', '22'])
    clients[Number(value[0])]!.send('t', 0, value)
  clients[2]!.end('abort')
  clients[0]!.end('abort')
  clients[1]!.end('commit')
  host.close()
  const later = new SyncHost(host.storage.reopened())
  later.open()
  assert.equal(values(later), ['10', '11', '12'])
})

test('a transaction with nothing in it leaves no marker and holds nobody back (testSkipEmptyTransactions)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.end('abort')
  client.begin()
  client.end('commit')
  assert.is(client.begin().send('t', 0, 'first'), 0)
})

test('offsets of an abort are gone for good, whatever is committed later (testSendOffsetsWithGroupId)', () => {
  const host = fresh()
  const offsets = offsetsOf(host)
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets(offsets(3))
  client.end('abort')
  client.begin().send('t', 0, 'without offsets')
  client.end('commit')
  assert.is(committed(host), undefined)
  assert.not.ok(host.engine.groups.isPending('g', TOPIC_ID, 0))
})

test('a plain commit after sendOffsets stays when that transaction commits (OffsetMetadataManager)', () => {
  const host = fresh()
  const offsets = offsetsOf(host)
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets(offsets(5))
  host.ask<void>((done) => ({ kind: 'commitOffsets', request: offsets(9), done }))
  client.end('commit')
  for (const each of [host, afterCrash(host, 'none'), afterCrash(host, 'kill')]) assert.is(committed(each), 9)
})

test('a repeat of an end with the opposite result is INVALID_TXN_STATE (TV2RetryMismatchedDirection)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const before = client.instance
  client.end('commit')
  refuses('INVALID_TXN_STATE', () => new TransactionalClient(host, 'id').as(before).end('abort'))
  assert.equal(values(host), ['a'])
})

/** As if its producer had come so far: the log itself is asked for what follows. */
function atLastEpoch(host: SyncHost, producerId: number): ProducerInstance {
  const last = { producerId, producerEpoch: 32_766 }
  const facts = {
    transactionalId: 'id',
    timeoutMs: 60_000,
    lastUpdateMs: host.now,
    startMs: -1,
    previousProducerId: -1,
  }
  const stored = { kind: 'transaction-stored', state: 'CompleteCommit', partitions: [], ...facts, ...last } as const
  host.engine.transactions.apply(encodeTransaction(stored), { topic: '__transaction_state', partition: 0, offset: 0 })
  return last
}

test('after the last epoch another producer id follows, over a lost answer and a crash (KAFKA-18660, KAFKA-20357)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'first')
  client.end('commit')
  const { producerId } = client.instance
  const last = atLastEpoch(host, producerId)
  client.as(last).begin()
  client.send('t', 0, 'last')
  client.send('t', 1, 'last')
  const next = client.end('commit')
  assert.ok(next.producerId !== producerId && next.producerEpoch === 0)
  for (const each of [host, afterCrash(host, 'none'), afterCrash(host, 'kill')]) {
    assert.equal(new TransactionalClient(each, 'id').as(last).end('commit'), next, 'asked again, answered alike')
    for (const partition of [0, 1]) {
      const sent = { topic: 't', partition, ...last, baseSequence: 0, values: ['late'], acks: 'all' as const }
      const late = each.send(sent)
      each.settle()
      assert.ok(LogError.is(late.error, 'INVALID_PRODUCER_EPOCH'), String(late.error))
      refuses('INVALID_TXN_STATE', () => new TransactionalClient(each, 'id').as(last).send('t', partition, 'late'))
    }
    const goesOn = new TransactionalClient(each, 'id').as(next).begin()
    goesOn.send('t', 0, 'next')
    goesOn.end('commit')
    assert.equal([values(each, 0), values(each, 1)], [['first', 'last', 'next'], ['last']])
  }
})

test('the last commit of a producer id that a channel brings twice is one commit, answered twice', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'first')
  client.end('commit')
  const last = atLastEpoch(host, client.instance.producerId)
  client.as(last).begin()
  client.send('t', 0, 'last')
  // Of the block that a frame reserved none is left, so that both wait for the next id.
  while ((host.openProducer() + 1) % 1000 !== 0);
  const asked = [client, new TransactionalClient(host, 'id').as(last)].map((each) => each.startEnd('commit'))
  host.settle()
  assert.equal(
    asked.map(({ error }) => error),
    [undefined, undefined],
  )
  assert.ok(asked[0]?.value !== undefined)
  assert.equal(asked[0]?.value, asked[1]?.value)
  assert.equal(values(host), ['first', 'last'])
})

test('a fence costs one epoch, however often it failed before (shouldNotRepeatedlyBumpEpoch..., testFailureToFenceEpoch)', () => {
  for (const isOpen of [true, false]) {
    const host = fresh()
    const client = new TransactionalClient(host, 'id').init()
    const { producerEpoch } = client.instance
    if (isOpen) client.begin().send('t', 0, 'open')
    // Makes what stands before it durable too.
    plain(host, host.openProducer(), 0, 'plain', 'all')
    host.storage.faults = new DiskFaults([{ kind: 'write', effect: 'error', at: 1, path: '.ring', isSticky: true }])
    for (let tries = 0; tries < 3; tries++) {
      refuses('KAFKA_STORAGE_ERROR', () => new TransactionalClient(host, 'id').init())
    }
    assert.ok(host.storage.faults.struck > 0)
    host.storage.faults = undefined
    // What failed for good ends the log (durability rule 10): who tries again does so after the next open.
    for (const mode of ['none', 'kill'] as const) {
      const later = afterCrash(host, mode)
      const next = new TransactionalClient(later, 'id').init().instance
      assert.is(next.producerEpoch, producerEpoch + (isOpen ? 2 : 1), 'one for the marker, one for the new instance')
      refuses('PRODUCER_FENCED', () => new TransactionalClient(later, 'id').as(client.instance).begin())
    }
  }
})

test('an older instance is fenced at each of its calls, and shows nothing (testFencingOnCommit, OnSend, OnAddPartitions, OnSendOffsets)', () => {
  for (const isOpen of [true, false]) {
    const host = fresh()
    const offsets = offsetsOf(host)
    const older = new TransactionalClient(host, 'id').init()
    if (isOpen) older.begin().send('t', 0, 'half')
    const newer = new TransactionalClient(host, 'id').init()
    const calls = [
      () => older.end('commit'),
      () => older.end('abort'),
      () => older.send('t', 0, 'more'),
      () => older.send('t', 1, 'another partition'),
      () => older.sendOffsets(offsets(5)),
      () => older.begin(),
    ]
    for (const call of calls) refuses('PRODUCER_FENCED', call)
    newer.begin().send('t', 0, 'whole')
    for (const call of calls) refuses('PRODUCER_FENCED', call)
    newer.end('commit')
    for (const each of [host, afterCrash(host, 'none')]) {
      assert.equal([values(each, 0), values(each, 1), committed(each)], [['whole'], [], undefined])
    }
  }
})

for (const event of ['commit', 'abort'] as const) {
  test(`a crash before each operation of a ${event}: all of it or none, offsets too, and the id goes on`, () =>
    crashes(event))
}

function crashes(event: 'commit' | 'abort'): void {
  const told = { isEnded: false }
  const live = (disk: VirtualDisk): void => {
    told.isEnded = false
    const host = new SyncHost(disk)
    try {
      host.open()
      host.createTopic(TOPIC_ID, 't', 3, {})
      const offsets = offsetsOf(host)
      const client = new TransactionalClient(host, 'id').init().begin()
      for (const partition of [0, 1]) client.send('t', partition, 'x')
      client.sendOffsets(offsets(5))
      client.end(event)
      told.isEnded = true
    } catch (error) {
      if (!(error instanceof CrashSignal)) throw error
    } finally {
      host.discard()
    }
  }
  const whole = new VirtualDisk()
  live(whole)
  let images = 0
  for (let operation = 1; operation <= whole.operations + 1; operation++) {
    const disk = new VirtualDisk()
    disk.crashAt = operation
    live(disk)
    for (const mode of ['kill', 'none', 'all'] as const) {
      const later = new SyncHost(disk.image(new Random(operation), mode))
      assert.equal(later.open().damage, [], `operation ${operation}, ${mode}`)
      if (later.engine.catalogue.durable.liveById(TOPIC_ID) !== undefined) {
        const seen = [0, 1].map((partition) => values(later, partition).length)
        const all = event === 'commit' && (told.isEnded || seen[0] === 1)
        assert.equal(
          [seen, committed(later)],
          all ? [[1, 1], 5] : [[0, 0], undefined],
          `operation ${operation}, ${mode}`,
        )
        const next = new TransactionalClient(later, 'id').init().begin()
        for (const partition of [0, 1]) next.send('t', partition, 'next')
        next.end('commit')
        assert.equal(
          [0, 1].map((partition) => values(later, partition)),
          [0, 1].map(() => (all ? ['x', 'next'] : ['next'])),
        )
      }
      later.discard()
      images++
    }
  }
  assert.ok(images > 60, `${images} images`)
}

test.run()
