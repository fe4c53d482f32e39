// Compaction as upkeep of a running log: user topics and the log's own, what they tell afterwards, what is refused.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import type { CompactableSegment, SealedBatch } from '../../bindings/storage/partition-store.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../log/support.ts'

const COMPACT: TopicConfig = { 'cleanup.policy': 'compact', 'segment.bytes': 2000, 'min.cleanable.dirty.ratio': 0.1 }
const INTERVAL_MS = 15_000

class Bench {
  host: SyncHost<VirtualDisk>
  readonly producerId: number
  #sequence = 0
  /** Of each key. */
  readonly newest = new Map<string, { offset: number; value: string }>()

  constructor(config: TopicConfig = COMPACT) {
    this.host = new SyncHost(new VirtualDisk())
    this.host.open()
    this.host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, config)
    this.producerId = this.host.openProducer()
  }

  append(key: string | null, value: string | null): unknown {
    const records = [{ key, value, timestamp: undefined, headers: undefined }]
    const request = { topic: 't', partition: 0, producerEpoch: 0, baseSequence: this.#sequence, acks: 'all', records }
    const asked = this.host.start<AppendResult>((done) => {
      return {
        kind: 'append',
        producerId: this.producerId,
        request: { ...request, acks: 'all' },
        isTransactional: false,
        done,
      }
    })
    this.host.settle()
    if (asked.value === undefined) return asked.error
    this.#sequence++
    if (key !== null && value !== null) this.newest.set(key, { offset: asked.value.baseOffset, value })
    return undefined
  }

  fill(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      // One in ten is the only one of its key: what is left has gaps.
      const key = round % 10 === 0 ? `once-${round}` : `key-${round % 7}`
      this.append(key, `${round}-${'v'.repeat(60)}`)
    }
  }

  get files(): readonly string[] {
    return this.host.storage.list('t-0')
  }

  get cleanedOffset(): number {
    return this.host.engine.store.compactable(this.host.engine.topics.partition('t', 0).id).cleanedOffset
  }

  /** What `newest` says, and above `cleanedOffset` all. */
  assertRead(): void {
    const seen = new Map(this.host.fetchAll('t', 0).map(({ offset, value }) => [offset, value]))
    for (const { offset, value } of this.newest.values()) assert.is(seen.get(offset), value)
  }

  reopen(how: 'close' | 'kill' | 'none'): void {
    if (how === 'close') this.host.close()
    const image = this.host.storage.image(new Random(3), how === 'close' ? 'none' : how)
    this.host = new SyncHost(image)
    assert.equal(this.host.open().damage, [])
  }
}

test('old records of a key go, in a log that runs, and stay away after a close, a kill and a power loss', () => {
  for (const how of ['close', 'kill', 'none'] as const) {
    const bench = new Bench()
    bench.fill(200)
    const before = bench.host.fetchAll('t', 0).length
    bench.host.passTime(INTERVAL_MS + 1000)
    const after = bench.host.fetchAll('t', 0).length
    assert.ok(bench.cleanedOffset > 0, 'a pass came')
    assert.ok(after < before / 2, `${after} of ${before} records are left`)
    bench.assertRead()
    bench.reopen(how)
    assert.is(bench.host.fetchAll('t', 0).length, after, how)
    assert.ok(bench.cleanedOffset > 0)
    bench.assertRead()
    assert.not(bench.files.some((name) => name.endsWith('.cleaned') || name.endsWith('.swap')))
  }
})

/** The last batch of a segment, as it stands there. */
function lastBatch(bench: Bench, { baseOffset, nextOffset, sizeBytes }: CompactableSegment): SealedBatch {
  const { store, topics } = bench.host.engine
  const { id } = topics.partition('t', 0)
  const bytes = new Uint8Array(sizeBytes)
  runNow(store.prepareRead(id, baseOffset))
  assert.is(store.read(id, baseOffset, bytes), sizeBytes)
  const view = new DataView(bytes.buffer)
  let at = 0
  while (Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1 < nextOffset) at += 12 + view.getInt32(at + 8)
  const maxTimestamp = Number(view.getBigInt64(at + 35))
  return { bytes: bytes.subarray(at), baseOffset: Number(view.getBigInt64(at)), nextOffset, maxTimestamp }
}

/** Puts the last batch of the first segment that may be rewritten in the place of all that it has. */
function rewriteFirst(bench: Bench) {
  const { store, topics } = bench.host.engine
  const { id } = topics.partition('t', 0)
  const [segment] = store.compactable(id).segments
  assert.ok(segment)
  const rewrite = runNow(store.rewrite(id, segment.baseOffset, segment.nextOffset))
  rewrite.append(lastBatch(bench, segment))
  assert.ok(runNow(rewrite.exchange()))
  return { store, id }
}

test('a rewritten segment is not rewritten again before it has its place: both would have one name', () => {
  const bench = new Bench()
  bench.fill(200)
  const { store, id } = rewriteFirst(bench)
  assert.equal(store.compactable(id).segments, [], 'a checkpoint comes first')
  bench.fill(200)
  assert.ok(store.compactable(id).segments.length > 0)
  bench.host.passTime(INTERVAL_MS + 1000)
  bench.reopen('close')
})

test('what was rewritten and no checkpoint notes is dropped by an open after a kill', () => {
  const bench = new Bench()
  bench.fill(200)
  const before = bench.host.fetchAll('t', 0)
  rewriteFirst(bench)
  bench.reopen('kill')
  assert.not(bench.files.some((name) => name.endsWith('.swap')))
  assert.equal(bench.host.fetchAll('t', 0), before)
})

test('the name under which a checkpoint notes a rewritten segment is durable by then', () => {
  const bench = new Bench()
  bench.fill(200)
  const left: VirtualDisk[] = []
  bench.host.storage.watch = (_, kind, path) => {
    if (kind === 'rename' && path.endsWith('.swap')) left.push(bench.host.storage.image(new Random(1), 'none'))
  }
  bench.host.passTime(INTERVAL_MS + 1000)
  bench.host.storage.watch = undefined
  assert.ok(left.length > 0)
  for (const disk of left) {
    bench.host = new SyncHost(disk)
    assert.equal(bench.host.open().damage, [])
    bench.assertRead()
  }
})

test('while a log goes on during a pass, nobody reads aborted or removed records from memory', () => {
  const host = new SyncHost(new VirtualDisk(), { cleanup: { compactionIntervalMs: 1000 } })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { ...COMPACT, 'segment.bytes': 600 })
  const append = (producer: ProducerInstance, sequence: number, isTransactional: boolean, value: string) => {
    const { producerId, producerEpoch } = producer
    const records = [{ key: `key-${sequence % 3}`, value, timestamp: undefined, headers: undefined }]
    const place = { topic: 't', partition: 0, producerEpoch, baseSequence: sequence, acks: 'all' as const }
    const request = { ...place, records }
    host.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional, done }))
  }
  const init = { kind: 'initTransactionalProducer', transactionalId: 'x', timeoutMs: 900_000 } as const
  const instance = host.ask<ProducerInstance>((done) => ({ ...init, done }))
  host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
  for (let sequence = 0; sequence < 3; sequence++) append(instance, sequence, true, 'aborted')
  host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'abort', done }))
  const plain = { producerId: host.openProducer(), producerEpoch: 0 }
  for (let sequence = 0; sequence < 30; sequence++) append(plain, sequence, false, `value ${sequence}`)
  const find = (offset: number) =>
    host.ask<unknown>((done) => ({ kind: 'find', topic: 't', partition: 0, offset, done }))
  const replaced = 5
  assert.ok(find(replaced), 'it is cached')
  host.passTime(2500)
  const { id } = host.engine.topics.partition('t', 0)
  assert.ok(host.engine.store.compactable(id).cleanedOffset > replaced, 'a pass went over the aborted ones')
  assert.not(find(replaced))
  const values = host.fetchAll('t', 0).map(({ value }) => value)
  assert.ok(values.length < 30, `${values.length} records are read`)
  assert.not(values.includes('aborted'), values.join())
  host.discard()
})

test('with another policy, or too little dirty, nothing is compacted', () => {
  for (const config of [
    { ...COMPACT, 'cleanup.policy': 'delete' },
    { ...COMPACT, 'min.cleanable.dirty.ratio': 1 },
    { ...COMPACT, 'min.compaction.lag.ms': 1e9 },
  ]) {
    const bench = new Bench(config)
    bench.fill(100)
    bench.host.passTime(INTERVAL_MS * 2)
    assert.is(bench.host.fetchAll('t', 0).length, 100)
  }
})

test('compact,delete compacts too; max.compaction.lag.ms brings a pass about whatever the ratio', () => {
  const configs = [
    { ...COMPACT, 'cleanup.policy': 'compact,delete' },
    { ...COMPACT, 'min.cleanable.dirty.ratio': 1, 'max.compaction.lag.ms': 1000 },
  ]
  for (const config of configs) {
    const bench = new Bench(config)
    bench.fill(100)
    bench.host.passTime(INTERVAL_MS * 2)
    assert.ok(bench.host.fetchAll('t', 0).length < 60)
    bench.assertRead()
  }
})

const HOUR_MS = 3_600_000

/** Closed segments behind what there is, and a pass over all of them. */
function passOver(bench: Bench): void {
  bench.fill(60)
  bench.host.passTime(INTERVAL_MS * 2)
}

function holds(bench: Bench, wanted: number): boolean {
  return bench.host.fetchAll('t', 0).some(({ offset }) => offset === wanted)
}

test('a tombstone has its time, however far ahead the clock is put', () => {
  const bench = new Bench({ ...COMPACT, 'delete.retention.ms': HOUR_MS })
  bench.append('gone', null)
  passOver(bench)
  bench.host.setClock(2 * HOUR_MS)
  passOver(bench)
  assert.ok(bench.cleanedOffset > 60, 'a second pass came')
  assert.ok(holds(bench, 0), 'while the clock is ahead')
  bench.host.setClock(-2 * HOUR_MS)
  passOver(bench)
  assert.ok(holds(bench, 0), 'set right again')
  bench.host.passTime(HOUR_MS)
  passOver(bench)
  assert.not.ok(holds(bench, 0))
})

test('the time of a tombstone that was set by a clock far ahead is set anew once that is put back', () => {
  const bench = new Bench({ ...COMPACT, 'delete.retention.ms': HOUR_MS })
  bench.host.setClock(1000 * HOUR_MS)
  bench.append('gone', null)
  passOver(bench)
  bench.host.setClock(-1000 * HOUR_MS)
  passOver(bench)
  bench.host.passTime(HOUR_MS / 2)
  passOver(bench)
  assert.ok(holds(bench, 0), 'an hour from then on')
  bench.host.passTime(HOUR_MS / 2)
  passOver(bench)
  assert.not.ok(holds(bench, 0))
})

test('min.compaction.lag.ms is time that passed, not by how much the clock was put ahead', () => {
  const bench = new Bench({ ...COMPACT, 'min.compaction.lag.ms': 10 * HOUR_MS })
  passOver(bench)
  assert.is(bench.cleanedOffset, 0)
  bench.host.setClock(11 * HOUR_MS)
  bench.host.passTime(INTERVAL_MS * 2)
  assert.is(bench.cleanedOffset, 0, 'while the clock is ahead')
  bench.host.setClock(-11 * HOUR_MS)
  bench.host.passTime(11 * HOUR_MS)
  assert.ok(bench.cleanedOffset > 0)
})

// By the time less what it was put ahead, a machine that slept was late by as much.
test('max.compaction.lag.ms is over by the clock, also where the machine slept', () => {
  const lag = { 'min.cleanable.dirty.ratio': 1, 'max.compaction.lag.ms': 10 * HOUR_MS }
  const bench = new Bench({ ...COMPACT, ...lag })
  passOver(bench)
  assert.is(bench.cleanedOffset, 0)
  bench.host.setClock(11 * HOUR_MS)
  bench.host.passTime(INTERVAL_MS * 2)
  assert.ok(bench.cleanedOffset > 0)
})

test('closed segments wait for the checkpoint that notes their end', () => {
  const bench = new Bench()
  const { store, topics } = bench.host.engine
  const { id } = topics.partition('t', 0)
  let waited = 0
  for (let round = 0; round < 60; round++) {
    bench.fill(1)
    const closed = bench.files.filter((name) => name.endsWith('.log')).length - 1
    if (closed > store.compactable(id).segments.length) waited++
  }
  assert.ok(waited > 0 && waited < 60, `${waited}`)
})

test('an open transaction holds compaction back, and its end lets it go on', () => {
  const bench = new Bench()
  const init = { kind: 'initTransactionalProducer', transactionalId: 'x', timeoutMs: 900_000 } as const
  const instance = bench.host.ask<ProducerInstance>((done) => ({ ...init, done }))
  bench.host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
  const { producerId, producerEpoch } = instance
  const records = [{ key: 'key-0', value: 'open', timestamp: undefined, headers: undefined }]
  const request = { topic: 't', partition: 0, producerEpoch, baseSequence: 0, acks: 'all' as const, records }
  bench.host.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional: true, done }))
  bench.fill(100)
  bench.host.passTime(INTERVAL_MS + 1000)
  assert.is(bench.cleanedOffset, 0)
  bench.host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'commit', done }))
  bench.host.passTime(INTERVAL_MS + 1000)
  assert.ok(bench.cleanedOffset > 0)
  bench.assertRead()
})

/** The first bytes of a record in the first segment. */
const DAMAGED_AT = 80

test('a partition in which a pass meets damage is left as it is until the next open, and others go on', () => {
  const bench = new Bench()
  bench.fill(200)
  const { storage } = bench.host
  const path = 't-0/00000000000000000000.log'
  const right = new Uint8Array(4)
  storage.open(path, { create: false })?.read(right, DAMAGED_AT)
  storage.spoil(
    path,
    DAMAGED_AT,
    right.map((byte) => byte ^ 0xff),
  )
  bench.host.passTime(INTERVAL_MS + 1000)
  storage.spoil(path, DAMAGED_AT, right)
  bench.host.passTime(3 * INTERVAL_MS)
  assert.is(bench.cleanedOffset, 0)
  assert.is(bench.append('key-0', 'goes on'), undefined)
  bench.reopen('close')
  bench.host.passTime(INTERVAL_MS + 1000)
  assert.ok(bench.cleanedOffset > 0)
  bench.assertRead()
})

// Once, one bad sector ended the log with each pass, at every open.
test('a partition in which the device cannot read is left as it is until the next open, and the log goes on', () => {
  const bench = new Bench()
  bench.fill(200)
  const { storage } = bench.host
  const faults = new DiskFaults([
    { kind: 'read', effect: 'error', at: 1, isSticky: true, path: 't-0/00000000000000000000.log' },
  ])
  storage.faults = faults
  bench.host.passTime(INTERVAL_MS + 1000)
  const { struck } = faults
  assert.ok(struck > 0)
  bench.host.passTime(3 * INTERVAL_MS)
  assert.is(faults.struck, struck, 'no pass looks again')
  assert.is(bench.append('key-0', 'goes on'), undefined)
  assert.is(bench.cleanedOffset, 0)
  storage.faults = undefined
  bench.reopen('close')
  bench.host.passTime(INTERVAL_MS + 1000)
  assert.ok(bench.cleanedOffset > 0)
  bench.assertRead()
})

test('the dirtiest partition comes first', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  const topics = ['first', 'second', 'third'] as const
  topics.forEach((name, index) => {
    host.createTopic(`AAAAAAAAAAAAAAAAAAAA${'BCD'[index]}g`, name, 1, COMPACT)
  })
  const producerId = host.openProducer()
  const sequences = new Map<string, number>()
  const fill = (topic: string, count: number) => {
    for (let round = 0; round < count; round++) {
      const baseSequence = sequences.get(topic) ?? 0
      sequences.set(topic, baseSequence + 1)
      const records = [{ key: `key-${round % 7}`, value: 'v'.repeat(60), timestamp: undefined, headers: undefined }]
      const request = { topic, partition: 0, producerEpoch: 0, baseSequence, acks: 'all' as const, records }
      host.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
    }
  }
  for (const topic of topics) fill(topic, 200)
  host.passTime(INTERVAL_MS + 1000)
  const rewritten: string[] = []
  host.storage.watch = (_number, kind, path) => {
    const topic = path.split('-')[0] ?? ''
    if (kind === 'create' && path.endsWith('.cleaned') && !rewritten.includes(topic)) rewritten.push(topic)
  }
  // What is new, beside what each pass left.
  fill('first', 60)
  fill('second', 400)
  fill('third', 150)
  host.passTime(INTERVAL_MS + 1000)
  assert.equal(rewritten, ['second', 'third', 'first'])
  host.close()
})

test('a record without a key is refused where compaction asks for keys', () => {
  const bench = new Bench()
  assert.ok(LogError.is(bench.append(null, 'v'), 'INVALID_RECORD'))
  assert.is(bench.append('', 'an empty key is one'), undefined)
  assert.is(new Bench({ 'segment.bytes': 2000 }).append(null, 'v'), undefined)
})

test.run()
