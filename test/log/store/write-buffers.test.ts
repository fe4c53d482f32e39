// Small batches go to their segment together, once nothing more is to be committed (decision 015).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../../bindings/broker/producer-session.ts'
import { RESERVE_FILE } from '../../../bindings/log/journal/layout.ts'
import { WriteBuffers } from '../../../bindings/log/segment/write-buffers.ts'
import { DiskReserve } from '../../../bindings/log/store/disk-reserve.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import {
  type Asked,
  RING_FILE_BYTES,
  SIMULATED_WRITE_BUFFER_SIZES,
  SyncHost,
} from '../../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { emptyTails } from './empty-tails.ts'

const TOPIC = 't'
const DECISIONS_BYTES = RING_FILE_BYTES * 2
const BUFFERS_DISK_BYTES = new WriteBuffers(() => true, SIMULATED_WRITE_BUFFER_SIZES).diskBytes

class Bench {
  readonly host: SyncHost<VirtualDisk>
  readonly producers: readonly number[]
  /** Written to segments, one entry a write. */
  readonly writes: string[] = []
  #round = 0

  constructor(disk: VirtualDisk = new VirtualDisk(), order?: Random) {
    this.host = new SyncHost(disk, { order })
    this.host.open()
    this.host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
    this.producers = Array.from({ length: 8 }, () => this.host.openProducer())
    disk.watch = (_number, kind, path) => {
      if (kind === 'write' && path.endsWith('.log')) this.writes.push(path)
    }
  }

  /** One record of each producer at one moment, of these sizes in turn; answers those that were refused. */
  sendAll(acks: 1 | 'all', ...valueBytes: readonly number[]): readonly unknown[] {
    const baseSequence = this.#round++
    const asked = this.producers.map((producerId, at) => {
      const place = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence }
      return this.host.send({ ...place, acks, values: ['x'.repeat(valueBytes[at % valueBytes.length] ?? 100)] })
    })
    this.host.settle()
    assert.ok(asked.every(({ answered }) => answered))
    return asked.map(({ error }) => error).filter((error) => error !== undefined)
  }

  get reserveBytes(): number {
    return this.host.storage.open(RESERVE_FILE, { create: false })?.size() ?? 0
  }
}

test('batches of one moment are one write; those that must outlive the process at once are one each', () => {
  const bench = new Bench()
  bench.sendAll('all')
  bench.writes.length = 0
  bench.sendAll('all')
  assert.is(bench.writes.length, 1)
  bench.sendAll(1)
  assert.is(bench.writes.length, 1 + bench.producers.length)
})

test('buffered batches are written in pieces of 16 KiB here, and a batch of more than 4 KiB is never buffered', () => {
  const bench = new Bench()
  bench.sendAll('all')
  for (const [writes, ...valueBytes] of [
    [2, 3000],
    [2, 4000],
    // Each of the larger ones at once, after the one that waits; the last one waits for the end of the turn.
    [5, 4200, 50],
  ] as const) {
    bench.writes.length = 0
    assert.equal(bench.sendAll('all', ...valueBytes), [])
    assert.is(bench.writes.length, writes, `${valueBytes} bytes each`)
  }
  emptyTails(bench.host)
  const lengths = bench.host.fetchAll(TOPIC, 0).map(({ value }) => value?.length)
  const sent = [[100], [3000], [4000], [4200, 50]]
  assert.equal(
    lengths,
    sent.flatMap((sizes) => bench.producers.map((_, at) => sizes[at % sizes.length])),
  )
})

/** Transactions that follow each other without a pause, then one that stays open. */
function transactions(bench: Bench, count: number): void {
  const client = new TransactionalClient(bench.host, 'c').init()
  // The fourth frame fills half of the ring: after its checkpoint the next ones have room.
  bench.sendAll('all')
  bench.writes.length = 0
  for (let index = 0; index < count; index++) {
    client.begin().send(TOPIC, 0, `committed ${index}`)
    client.end('commit')
  }
  client.begin().send(TOPIC, 0, 'open')
}

/** Few enough that no checkpoint comes between them: the ring is small here. */
const COMMITTED = ['committed 0', 'committed 1']

test('batches of transactions are written at once, in one piece with the marker before; decisions once, after the last of them', () => {
  const bench = new Bench()
  transactions(bench, COMMITTED.length)
  const [log] = bench.writes
  assert.equal(new Set(bench.writes), new Set([log]), 'the partition alone')
  const written = bench.writes.length
  assert.is(written, COMMITTED.length + 1)
  bench.host.settle()
  assert.is(bench.writes.length, written + 1, 'the table of transactions')
})

test('a kill before decisions and markers were written takes what was not committed, and nothing else', () => {
  const bench = new Bench()
  transactions(bench, COMMITTED.length)
  const reopened = new SyncHost(bench.host.storage.image(new Random(1), 'kill'))
  assert.equal(reopened.open().damage, [])
  const values = reopened.fetchAll(TOPIC, 0).map(({ value }) => value)
  assert.equal(values.slice(bench.producers.length), COMMITTED)
  const client = new TransactionalClient(reopened, 'c').init().begin()
  client.send(TOPIC, 0, 'next')
  client.end('commit')
  assert.is(reopened.fetchAll(TOPIC, 0).length, values.length + 1)
})

/** Two transactions with a batch each, which they send at one moment: nothing was run since. */
function sendAtOnce(bench: Bench): readonly Asked<AppendResult>[] {
  const clients = ['a', 'b'].map((id) => new TransactionalClient(bench.host, id).init().begin())
  bench.host.settle()
  bench.writes.length = 0
  return clients.map((client, index) => client.startSend(TOPIC, 0, `open ${index}`))
}

/** What a reader of uncommitted records sees, by the partition's own word. */
function shownUpTo(bench: Bench): number {
  return bench.host.engine.topics.partition(TOPIC, 0).partition.watermarks.highWatermark
}

test('batches of several transactions at one moment are one write, and nobody hears of them before it', () => {
  const bench = new Bench()
  const sent = sendAtOnce(bench)
  assert.is(bench.writes.length, 0)
  assert.ok(sent.every(({ answered }) => !answered))
  bench.host.settle()
  assert.is(bench.writes.length, 1)
  assert.equal(
    sent.map(({ error, value }) => error ?? value?.baseOffset),
    [0, 1],
  )
})

test('a kill loses no batch that was answered', () => {
  const bench = new Bench()
  const sent = sendAtOnce(bench)
  while (!sent.every(({ answered }) => answered)) assert.ok(bench.host.advance())
  const reopened = new SyncHost(bench.host.storage.image(new Random(1), 'kill'))
  assert.equal(reopened.open().damage, [])
  const values = reopened.fetchAll(TOPIC, 0, 'read_uncommitted').map(({ value }) => value)
  assert.equal(values, ['open 0', 'open 1'])
})

test('a higher ceiling shows no batch that a kill would lose', () => {
  const bench = new Bench()
  // Records of acks 1 raise the ceiling far above them.
  bench.sendAll(1)
  const shown = shownUpTo(bench)
  assert.is(shown, bench.producers.length)
  sendAtOnce(bench)
  assert.is(shownUpTo(bench), shown)
  bench.host.settle()
  assert.is(shownUpTo(bench), shown + 2)
})

test('a retry of a buffered batch is answered no sooner, and hides nothing', () => {
  const bench = new Bench()
  bench.sendAll(1)
  const client = new TransactionalClient(bench.host, 'c').init().begin()
  client.send(TOPIC, 0, 'shown')
  const shown = shownUpTo(bench)
  const [other] = sendAtOnce(bench)
  const again = new TransactionalClient(bench.host, 'c').as(client.instance).startSend(TOPIC, 0, 'shown')
  assert.is(shownUpTo(bench), shown)
  assert.not(again.answered)
  bench.host.settle()
  assert.is(again.value?.baseOffset, bench.producers.length)
  assert.ok(other?.answered)
})

test('a close answers every one of them, in whatever order the effects end', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const bench = new Bench(new VirtualDisk(), new Random(seed))
    bench.sendAll(1)
    const sent = sendAtOnce(bench)
    const closed = bench.host.start<void>((done) => ({ kind: 'close', done }))
    bench.host.settle()
    assert.ok(closed.answered && closed.error === undefined)
    assert.ok(
      sent.every(({ value }) => value !== undefined),
      `seed ${seed}`,
    )
  }
})

test('a log that ends meanwhile answers all of them with the reason', () => {
  const bench = new Bench()
  bench.sendAll(1)
  const [log] = bench.writes
  const sent = sendAtOnce(bench)
  bench.host.storage.brokenPath = log
  bench.host.settle()
  assert.ok(sent.every(({ error }) => LogError.is(error, 'KAFKA_STORAGE_ERROR')))
})

test('a batch that a full disk refuses leaves the marker before it waiting', () => {
  const bench = new Bench()
  const client = new TransactionalClient(bench.host, 'c').init()
  bench.sendAll('all')
  for (const value of COMMITTED) {
    client.begin().send(TOPIC, 0, value)
    client.end('commit')
  }
  client.begin()
  bench.host.storage.freeBytes = 0
  assert.throws(
    () => client.send(TOPIC, 0, 'refused'.repeat(1000)),
    (error: unknown) => LogError.is(error, 'STORAGE_FULL'),
  )
  client.end('abort')
  bench.host.storage.freeBytes = Number.POSITIVE_INFINITY
  client.begin().send(TOPIC, 0, 'next')
  client.end('commit')
  emptyTails(bench.host)
  const values = bench.host.fetchAll(TOPIC, 0).map(({ value }) => value)
  assert.equal(values.slice(bench.producers.length), [...COMMITTED, 'next'])
})

test('buffered batches are read from memory, and written before the file is read', () => {
  const bench = new Bench()
  transactions(bench, COMMITTED.length)
  emptyTails(bench.host)
  const values = bench.host.fetchAll(TOPIC, 0).map(({ value }) => value)
  assert.equal(values.slice(-COMMITTED.length), COMMITTED)
  assert.ok(bench.writes.length > 0)
})

test('a full disk: what waits to be written takes its share of the reserve for a look-up by time too', () => {
  const bench = new Bench()
  const client = new TransactionalClient(bench.host, 'c').init()
  bench.sendAll('all')
  client.begin().send(TOPIC, 0, 'committed')
  client.end('commit')
  bench.writes.length = 0
  bench.host.storage.freeBytes = 0
  const at = [{ topic: TOPIC, partition: 0 }]
  const found = bench.host.ask<(number | undefined)[]>((done) => {
    return { kind: 'offsetsForTimestamp', at, timestamp: 0, done }
  })
  assert.equal(found, [0])
  assert.ok(bench.writes.length > 0, 'nothing waited')
})

test('after a kill all that was acknowledged is there', () => {
  const bench = new Bench()
  for (let round = 0; round < 5; round++) bench.sendAll('all')
  const reopened = new SyncHost(bench.host.storage.image(new Random(1), 'kill'))
  assert.equal(reopened.open().damage, [])
  assert.is(reopened.fetchAll(TOPIC, 0).length, 5 * bench.producers.length)
})

test('a full disk: buffered batches take their share of the reserve, later batches are refused, decisions keep their share', () => {
  const bench = new Bench()
  bench.sendAll('all')
  assert.is(bench.reserveBytes, DECISIONS_BYTES + BUFFERS_DISK_BYTES)
  bench.host.storage.freeBytes = 0
  assert.equal(bench.sendAll('all'), [], 'they had their places')
  assert.ok(bench.reserveBytes >= DECISIONS_BYTES && bench.reserveBytes < DECISIONS_BYTES + BUFFERS_DISK_BYTES)
  bench.host.storage.freeBytes = 0
  assert.is(bench.sendAll('all').length, bench.producers.length, 'none waits any more')
  bench.host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'still-decided', 1, {})
  assert.is(bench.host.fetchAll(TOPIC, 0).length, 2 * bench.producers.length)
})

test('with room again a checkpoint makes the reserve whole, and batches wait again', () => {
  const bench = new Bench()
  bench.sendAll('all')
  bench.host.storage.freeBytes = 0
  bench.sendAll('all')
  bench.host.storage.freeBytes = Number.POSITIVE_INFINITY
  for (let round = 0; round < 20; round++) assert.equal(bench.sendAll('all', 1000), [])
  assert.is(bench.reserveBytes, DECISIONS_BYTES + BUFFERS_DISK_BYTES)
  bench.writes.length = 0
  bench.sendAll('all')
  assert.is(bench.writes.length, 1)
})

test('buffered batches take only their share, and all of them are written before the write that asked for it is tried again', () => {
  const disk = new VirtualDisk()
  const shares = { decisionsBytes: 4096, bufferedBytes: 1024 }
  const order: string[] = []
  const reserve = new DiskReserve(disk, shares, () => order.push('the others'))
  runNow(reserve.restore())
  assert.ok(reserve.isWhole)
  const write = (): void => {
    order.push('write')
    if (order.length === 1) throw new LogError('STORAGE_FULL', 'no room')
  }
  runNow(reserve.guardWriteOut(write))
  assert.equal(order, ['write', 'the others', 'write'])
  assert.is(disk.open(RESERVE_FILE, { create: false })?.size(), shares.decisionsBytes)
  assert.ok(reserve.isHeld && !reserve.isWhole)
})

test.run()
