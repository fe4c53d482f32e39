// Faults that transactions of other systems had, and behaviours that Kafka's own tests hold; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { SyncHost } from '../../bindings/testkit/simulation/drive.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { CrashSignal, VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { afterCrash, fresh, TOPIC_ID, values } from '../guarantees/support.ts'
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
  assert.ok(LogError.is(began.error) && began.error.category === 'retriable', String(began.error))
  host.settle()
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

test('two transactions between each other, one aborted: only the other is seen (testDelayedFetchIncludesAborted...)', () => {
  const host = fresh()
  const [kept, lost] = ['kept', 'lost'].map((id) => new TransactionalClient(host, id).init().begin())
  kept!.send('t', 0, 'k0')
  lost!.send('t', 0, 'l0')
  lost!.send('t', 0, 'l1')
  kept!.send('t', 0, 'k1')
  lost!.end('abort')
  kept!.end('commit')
  for (const each of [host, afterCrash(host, 'none')]) {
    assert.equal(
      each.fetchAll('t', 0).map(({ offset }) => offset),
      [0, 3],
    )
  }
})

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
  const later = new SyncHost(host.storage.reopened(), undefined)
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

test('a plain commit behind sendOffsets stays when that transaction commits (OffsetMetadataManager)', () => {
  const host = fresh()
  const offsets = offsetsOf(host)
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets(offsets(5))
  host.ask<void>((done) => ({ kind: 'commitOffsets', request: offsets(9), done }))
  client.end('commit')
  assert.is(committed(host), 9)
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

test('an unknown outcome of a fence costs one epoch, not one a try (shouldNotRepeatedlyBumpEpoch...)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init()
  const { producerEpoch } = client.instance
  client.begin().send('t', 0, 'open')
  const next = new TransactionalClient(host, 'id').init().instance
  assert.is(next.producerEpoch, producerEpoch + 2, 'one for the marker, one for the new instance')
})

test('a crash before each operation of a commit: all of it or none, offsets too', () => {
  const told = { isCommitted: false }
  const live = (disk: VirtualDisk): void => {
    told.isCommitted = false
    const host = new SyncHost(disk, undefined)
    try {
      host.open()
      host.createTopic(TOPIC_ID, 't', 3, {})
      const offsets = offsetsOf(host)
      const client = new TransactionalClient(host, 'id').init().begin()
      for (const partition of [0, 1]) client.send('t', partition, 'x')
      client.sendOffsets(offsets(5))
      client.end('commit')
      told.isCommitted = true
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
      const later = new SyncHost(disk.image(new Random(operation), mode), undefined)
      assert.equal(later.open().damage, [], `operation ${operation}, ${mode}`)
      if (later.engine.catalogue.durable.liveById(TOPIC_ID) !== undefined) {
        const seen = [0, 1].map((partition) => values(later, partition).length)
        const all = told.isCommitted || seen[0] === 1
        assert.equal(
          [seen, committed(later)],
          all ? [[1, 1], 5] : [[0, 0], undefined],
          `operation ${operation}, ${mode}`,
        )
      }
      later.discard()
      images++
    }
  }
  assert.ok(images > 60, `${images} images`)
})

test.run()
