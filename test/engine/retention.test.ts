// Records go by time and size, within one check interval and one segment; nothing that isn't expired, nothing
// undecided.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CleanupOptions } from '../../bindings/engine/cleanup.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import type { StoredRange } from '../../bindings/storage/partition-store.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows, type VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'

const tests = suite('retention')
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** The check interval, and time for its steps. */
const CHECK_MS = 6 * MINUTE_MS
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABA'
const VALUE = 'x'.repeat(400)

class Bench<S extends VirtualStorage = VirtualStorage> {
  readonly host: SyncHost<S>
  #sequence = 0
  #producerId = -1

  constructor(storage: S, config: TopicConfig, options: CleanupOptions = {}) {
    this.host = new SyncHost(storage, { cleanup: options })
    this.host.open()
    // Two batches fit into a segment.
    this.host.createTopic(TOPIC_ID, 't', 1, { 'segment.bytes': 1000, ...config })
    this.#producerId = this.host.openProducer()
  }

  send(count: number, timestamp?: number): string | undefined {
    let error: string | undefined
    for (let index = 0; index < count; index++) {
      const from = { producerId: this.#producerId, producerEpoch: 0, baseSequence: this.#sequence }
      const sent = this.host.send({ topic: 't', partition: 0, ...from, values: [VALUE], acks: 'all', timestamp })
      this.host.settle()
      if (LogError.is(sent.error)) error = sent.error.code
      else this.#sequence++
    }
    return error
  }

  get offsets(): readonly number[] {
    return this.host.fetchAll('t', 0).map(({ offset }) => offset)
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

function segments(disk: VirtualDisk): readonly number[] {
  return disk
    .list('t-0')
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number.parseInt(name, 10))
}

function rangesOf<S extends VirtualStorage>({ host }: Bench<S>): readonly StoredRange[] {
  const id = [...host.engine.topics.ids()].find(({ topic }) => topic === 't')
  return id === undefined ? [] : host.engine.store.ranges(id)
}

for (const [name, make] of [
  ['files', () => new VirtualDisk()],
  ['rows', () => new VirtualRows()],
] as const) {
  tests(`${name}: by time, not before it and within one check after it; the last segment too`, () => {
    const bench = new Bench<VirtualStorage>(make(), { 'retention.ms': HOUR_MS })
    bench.send(4)
    bench.host.passTime(HOUR_MS - MINUTE_MS)
    assert.equal(bench.offsets, range(0, 4))
    bench.send(1)
    bench.host.passTime(MINUTE_MS + CHECK_MS)
    assert.equal(bench.offsets, [4])
    bench.host.passTime(HOUR_MS)
    assert.equal(bench.offsets, [])
    if (bench.host.storage instanceof VirtualDisk) assert.equal(segments(bench.host.storage), [5])
    bench.send(2)
    assert.equal(bench.offsets, [5, 6])
    bench.host.close()
    const again = new SyncHost(bench.host.storage.reopened())
    assert.equal([again.open().damage, again.fetchAll('t', 0).map(({ offset }) => offset)], [[], [5, 6]])
  })

  tests(`${name}: by size, no less than retention.bytes stays, and no more than one segment more`, () => {
    const bench = new Bench<VirtualStorage>(make(), { 'retention.bytes': 2500, 'retention.ms': -1 })
    bench.send(11)
    bench.host.passTime(CHECK_MS)
    const first = bench.offsets[0] ?? -1
    assert.equal(bench.offsets, range(first, 11))
    const [segment, ...others] = rangesOf(bench)
    const left = others.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    assert.ok(segment !== undefined && first > 0)
    assert.ok(left + segment.sizeBytes >= 2500 && left < 2500, `${left} and ${segment.sizeBytes} bytes`)
  })

  tests(`${name}: a topic that compacts, or keeps for ever, begins where it began`, () => {
    for (const config of [{ 'cleanup.policy': 'compact' }, { 'retention.ms': -1 }]) {
      const bench = new Bench<VirtualStorage>(make(), {})
      bench.send(6)
      const changes = { 'retention.ms': 1, ...config }
      bench.host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
      bench.host.passTime(24 * HOUR_MS)
      assert.is(bench.host.engine.topics.partition('t', 0).partition.watermarks.logStartOffset, 0)
    }
  })
}

tests('the file of records that were deleted up to the last one goes too, once they are expired', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': HOUR_MS })
  bench.send(1)
  const at = [{ topic: 't', partition: 0, beforeOffset: -1 }]
  bench.host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
  const again = new SyncHost(bench.host.storage.image(new Random(1), 'kill'))
  again.open()
  assert.equal(segments(again.storage), [0])
  again.passTime(HOUR_MS + CHECK_MS)
  again.passTime(CHECK_MS)
  assert.equal(segments(again.storage), [1])
})

tests('retention goes by the time of records, not by that of their append', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': 10 * MINUTE_MS })
  const later = bench.host.now + 50 * MINUTE_MS
  bench.send(2, later)
  bench.send(2, bench.host.now - HOUR_MS)
  bench.host.passTime(30 * MINUTE_MS)
  assert.equal(bench.offsets, range(0, 4), 'the first segment is not expired and keeps the others')
  bench.host.passTime(30 * MINUTE_MS + CHECK_MS)
  assert.equal(bench.offsets, [])
})

tests('a record from 2099 is refused, so that it can hold no segment', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': HOUR_MS })
  bench.send(2)
  assert.is(bench.send(1, Date.UTC(2099, 0)), 'INVALID_TIMESTAMP')
  assert.is(bench.send(1, bench.host.now + HOUR_MS + MINUTE_MS), 'INVALID_TIMESTAMP')
  assert.is(bench.send(1, bench.host.now + HOUR_MS - MINUTE_MS), undefined)
  bench.host.passTime(2 * HOUR_MS + CHECK_MS)
  assert.equal(bench.offsets, [])
})

tests(
  'a record from 2099 that a topic takes holds its segment and those after it, as in Kafka; size and deletion still work',
  () => {
    const disk = new VirtualDisk()
    const any = { 'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER }
    const bench = new Bench(disk, { 'retention.ms': HOUR_MS, ...any })
    bench.send(2, Date.UTC(2099, 0))
    bench.send(4)
    bench.host.passTime(24 * HOUR_MS)
    assert.equal(bench.offsets, range(0, 6))
    const at = [{ topic: 't', partition: 0, beforeOffset: 2 }]
    bench.host.ask((done) => ({ kind: 'deleteRecords', at, done }))
    bench.host.passTime(CHECK_MS)
    assert.equal(bench.offsets, [])
  },
)

tests('an open transaction keeps what it wrote, and all after it, until it ends', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': MINUTE_MS })
  const { host } = bench
  bench.send(4)
  const instance = host.ask<{ producerId: number; producerEpoch: number }>((done) => {
    return { kind: 'initTransactionalProducer', transactionalId: 'id', timeoutMs: 15 * MINUTE_MS, done }
  })
  host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
  const records = [{ key: null, value: VALUE, timestamp: undefined, headers: undefined }]
  const { producerEpoch } = instance
  const request = { topic: 't', partition: 0, acks: 'all' as const, producerEpoch, baseSequence: 0, records }
  host.ask((done) => ({ kind: 'append', producerId: instance.producerId, request, isTransactional: true, done }))
  bench.send(3)
  host.passTime(2 * CHECK_MS)
  const { watermarks } = host.engine.topics.partition('t', 0).partition
  assert.is(watermarks.logStartOffset, 4)
  host.ask((done) => ({ kind: 'endTransaction', instance, event: 'commit', done }))
  assert.equal(bench.offsets, [4, 5, 6, 7])
  host.passTime(CHECK_MS)
  // The marker is as old as the end of the transaction.
  assert.ok(watermarks.logStartOffset >= 6)
})

tests('a changed config is in force at the next check', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': -1 })
  bench.send(4)
  bench.host.passTime(HOUR_MS)
  const changes = { 'retention.ms': MINUTE_MS }
  bench.host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  bench.host.passTime(CHECK_MS)
  assert.equal(bench.offsets, [])
})

tests('partitions that nobody used since the open are kept no longer than others', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': HOUR_MS })
  bench.send(6)
  bench.host.close()
  const disk = bench.host.storage.reopened()
  const again = new SyncHost(disk)
  again.open()
  again.passTime(HOUR_MS + CHECK_MS)
  assert.equal(again.fetchAll('t', 0), [])
  assert.equal(segments(disk), [6])
  assert.equal(segments(disk).length, 1)
})

tests('a clock that was put far ahead expires nothing; it warns once; set right again, or trusted, it does', () => {
  for (const retentionTrustsClock of [false, true]) {
    const warnings: string[] = []
    const options = { retentionTrustsClock, warn: (code: string) => void warnings.push(code) }
    const bench = new Bench(new VirtualDisk(), { 'retention.ms': 24 * HOUR_MS }, options)
    bench.send(4)
    bench.host.setClock(13 * HOUR_MS)
    bench.host.passTime(12 * HOUR_MS)
    assert.equal(bench.offsets, retentionTrustsClock ? [] : range(0, 4), 'more than half of the time')
    assert.equal(warnings, retentionTrustsClock ? [] : ['RETENTION_PAUSED'])
    bench.host.setClock(-13 * HOUR_MS)
    bench.host.passTime(13 * HOUR_MS)
    assert.equal(bench.offsets, [])
    assert.is(warnings.length, retentionTrustsClock ? 0 : 1)
  }
})

tests(
  'a day ahead is too much for however long records are kept, and each time that it comes to that is warned of',
  () => {
    const warnings: string[] = []
    const options = { warn: (code: string) => void warnings.push(code) }
    const bench = new Bench(new VirtualDisk(), { 'retention.ms': 240 * HOUR_MS }, options)
    bench.send(4)
    for (const times of [1, 2]) {
      bench.host.setClock(25 * HOUR_MS)
      bench.host.passTime(times === 1 ? 216 * HOUR_MS : HOUR_MS)
      assert.equal(bench.offsets, range(0, 4))
      assert.is(warnings.length, times)
      bench.host.setClock(-25 * HOUR_MS)
    }
    bench.host.passTime(24 * HOUR_MS)
    assert.equal(bench.offsets, [])
  },
)

tests('nothing is removed from a damaged partition: it stays as it was, to be salvaged', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': HOUR_MS })
  const { host } = bench
  bench.send(4)
  let last = { path: '', position: 0, lengthBytes: 0 }
  let left: VirtualDisk | undefined
  host.storage.watch = (_number, kind, path, at) => {
    // Behind a checkpoint nobody would miss the frame.
    if (kind === 'create' && path.startsWith('checkpoint/')) left ??= host.storage.image(new Random(1), 'all')
    if (kind === 'write' && path.endsWith('.ring') && at !== undefined) last = { path, ...at }
  }
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  client.end('commit')
  host.settle()
  assert.ok(left)
  left.spoil(last.path, last.position, new Uint8Array(last.lengthBytes))
  const again = new SyncHost(left)
  const damaged = again.open().readOnly.map(({ topic }) => topic)
  assert.ok(damaged.includes('t'), damaged.join())
  again.createTopic('AAAAAAAAAAAAAAAAAAAABg', 'other', 1, { 'retention.ms': HOUR_MS })
  const producerId = again.openProducer()
  const values = [VALUE]
  again.send({ topic: 'other', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 'all' })
  again.settle()
  again.passTime(3 * HOUR_MS)
  assert.equal(again.fetchAll('other', 0), [])
  assert.is(again.engine.topics.partition('t', 0).partition.watermarks.logStartOffset, 0)
  assert.is(segments(left)[0], 0)
})

tests('a clock that is a little ahead, or behind, is no reason to wait; size needs no clock', () => {
  const bench = new Bench(new VirtualDisk(), { 'retention.ms': 24 * HOUR_MS })
  bench.send(4)
  bench.host.setClock(11 * HOUR_MS)
  bench.host.passTime(13 * HOUR_MS + CHECK_MS)
  assert.equal(bench.offsets, [])
  const bySize = new Bench(new VirtualDisk(), { 'retention.bytes': 1000, 'retention.ms': HOUR_MS })
  bySize.send(8)
  bySize.host.setClock(1000 * HOUR_MS)
  bySize.host.passTime(CHECK_MS)
  assert.ok(bySize.offsets.length >= 2 && bySize.offsets.length < 6)
})

tests.run()
