// A disk that has no room to remove a file, as btrfs when its metadata is full: the removal waits, the log goes on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ringFile } from '../../../bindings/log/journal/layout.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { TopicConfig } from '../../../bindings/model/topic-config.ts'
import { DiskFaults, type FaultableKind } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { SHOWN, Writer } from './plain-writer.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABA'
const VALUE = 'x'.repeat(200)
const ROUND_MS = 360_000

class Bench {
  readonly disk = new VirtualDisk()
  readonly host: SyncHost<VirtualDisk>
  readonly #producerId: number
  #sequence = 0

  constructor(config: TopicConfig) {
    this.host = new SyncHost(this.disk)
    this.host.open()
    this.host.createTopic(TOPIC_ID, 't', 1, { 'segment.bytes': 1000, ...config })
    this.#producerId = this.host.openProducer()
  }

  send(count: number, value: string = VALUE): void {
    for (let left = count; left > 0; left--) {
      const records = [{ key: `${this.#sequence % 3}`, value, timestamp: undefined, headers: undefined }]
      const place = { topic: 't', partition: 0, producerEpoch: 0, baseSequence: this.#sequence++, acks: 'all' as const }
      const [producerId, request] = [this.#producerId, { ...place, records }]
      this.host.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
    }
  }

  /** Without room for what begins so, from now on or once. */
  refuse(kind: FaultableKind, path: string, isSticky: boolean): DiskFaults {
    const faults = new DiskFaults([{ kind, effect: 'full', at: 1, path, isSticky }])
    this.disk.faults = faults
    return faults
  }

  get offsets(): readonly number[] {
    return this.host.fetchAll('t', 0).map(({ offset }) => offset)
  }

  get files(): readonly string[] {
    return this.disk.list('t-0')
  }

  /** Of a log that is opened again: what it reads, and that it found nothing to recover. */
  again(): readonly number[] {
    this.host.close()
    const next = new SyncHost(this.disk.image(new Random(1), 'none'))
    const { clean, damage } = next.open()
    assert.equal({ clean, damage }, { clean: true, damage: [] })
    return next.fetchAll('t', 0).map(({ offset }) => offset)
  }
}

for (const suffix of ['.index', '.log']) {
  test(`expired: ${suffix} stays until there is room, and the log goes on meanwhile`, () => {
    const bench = new Bench({ 'retention.bytes': 1000, 'retention.ms': -1 })
    bench.send(12)
    const faults = bench.refuse('remove', suffix, true)
    bench.host.passTime(ROUND_MS)
    assert.ok(faults.struck > 0)
    const first = bench.offsets[0] ?? 0
    assert.ok(first > 0)
    bench.send(1)
    assert.ok(bench.files.includes(`${'0'.repeat(20)}${suffix}`))
    bench.disk.faults = undefined
    bench.host.passTime(ROUND_MS)
    assert.not.ok(bench.files.some((name) => Number.parseInt(name, 10) < (bench.offsets[0] ?? 0) - 4))
    assert.is(bench.again().at(-1), 12)
  })

  test(`expired: ${suffix} may stay at a close, and goes in the next process`, () => {
    const bench = new Bench({ 'retention.bytes': 1000, 'retention.ms': -1 })
    bench.send(12)
    bench.refuse('remove', suffix, true)
    bench.host.passTime(ROUND_MS)
    bench.host.close()
    const next = new SyncHost(bench.disk.image(new Random(1), 'none'))
    assert.is(next.open().clean, true)
    assert.ok(next.storage.list('t-0').includes(`${'0'.repeat(20)}${suffix}`))
    next.passTime(ROUND_MS)
    assert.not.ok(next.storage.list('t-0').includes(`${'0'.repeat(20)}${suffix}`))
  })
}

test('expired: a segment that there is no room to cut is closed after each try', () => {
  // Smaller segments are removed in one piece.
  const bench = new Bench({ 'segment.bytes': 1_000_000, 'retention.bytes': 1_000_000, 'retention.ms': -1 })
  bench.send(12, 'x'.repeat(300_000))
  let openFiles = 0
  const open = bench.disk.open.bind(bench.disk)
  bench.disk.open = (path, options) => {
    const file = open(path, options)
    if (file === undefined || !path.startsWith('t-0/')) return file
    openFiles++
    const close = file.close.bind(file)
    file.close = () => {
      openFiles--
      close()
    }
    return file
  }
  const faults = bench.refuse('truncate', '.log', true)
  bench.host.passTime(ROUND_MS)
  bench.host.passTime(ROUND_MS)
  assert.ok(faults.struck > 0, 'nothing was cut')
  assert.ok(openFiles <= 1, `${openFiles} files are open`)
})

test('a deleted topic: the reserve makes the room', () => {
  const bench = new Bench({})
  bench.send(4)
  const faults = bench.refuse('remove', 't-0/', false)
  bench.host.ask<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
  assert.is(faults.struck, 1)
  assert.equal(bench.files, [])
})

/** Rewritten segments without their place, and those of the first 45 records that they replaced. */
function replacedIn(names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const offset = Number.parseInt(name, 10)
    return name.endsWith('.swap') || (name.endsWith('.log') && offset > 0 && offset < 45)
  })
}

/** The steps by which a rewritten segment takes its place. */
const REPLACING = [
  ['remove', '.log'],
  ['remove', '.txnindex'],
  ['rename', '.swap'],
] as const

for (const [kind, path] of REPLACING) {
  test(`compaction: without room for ${kind} of ${path} the old segments wait for the next checkpoint`, () => {
    const bench = new Bench({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.1 })
    bench.send(60)
    const faults = bench.refuse(kind, path, true)
    bench.host.passTime(60_000)
    assert.ok(faults.struck > 0)
    const kept = bench.offsets
    assert.ok(kept.length < 30, `${kept.length} records`)
    const killed = new SyncHost(bench.disk.image(new Random(1), 'kill'))
    assert.equal(killed.open().damage, [])
    const names = killed.storage.list('t-0')
    assert.not.ok(names.some((name) => name.endsWith('.swap')))
    // In the others each segment was rewritten by itself.
    if (path === '.log') assert.equal(replacedIn(names), [], 'an open after a kill finishes it')
    assert.equal(
      killed.fetchAll('t', 0).map(({ offset }) => offset),
      kept,
    )
    bench.send(1)
    bench.disk.faults = undefined
    bench.send(60)
    bench.host.passTime(60_000)
    assert.equal(replacedIn(bench.files), [])
    const last = bench.offsets
    assert.equal(bench.again(), last)
    assert.is(last.at(-1), 120)
  })
}

for (const [kind, path] of REPLACING) {
  test(`compaction: a close without room for ${kind} of ${path} leaves it to the next open`, () => {
    const bench = new Bench({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.1 })
    bench.send(60)
    const faults = bench.refuse(kind, path, true)
    bench.host.passTime(60_000)
    const kept = bench.offsets
    bench.host.close()
    assert.ok(faults.struck > 0)
    const next = new SyncHost(bench.disk.image(new Random(1), 'none'))
    assert.equal(next.open().damage, [])
    assert.equal(
      next.fetchAll('t', 0).map(({ offset }) => offset),
      kept,
    )
    assert.not.ok(next.storage.list('t-0').some((name) => name.endsWith('.swap')))
  })
}

test('a close in the middle of a pass: what it wrote stays, and the next process removes it', () => {
  const writer = new Writer(new VirtualDisk(), 2500)
  writer.begin(SHOWN)
  writer.append(SHOWN, 40)
  writer.commit(SHOWN)
  writer.checkpoint()
  const [first] = writer.store.ranges(SHOWN)
  runNow(writer.store.rewrite(SHOWN, first?.baseOffset ?? -1, first?.nextOffset ?? -1))
  const faults = new DiskFaults([{ kind: 'remove', effect: 'full', at: 1, path: '.cleaned', isSticky: true }])
  writer.disk.faults = faults
  runNow(writer.store.close())
  assert.ok(faults.struck > 0)
  const next = new Writer(writer.disk.image(new Random(1), 'none'), 2500)
  const { partitions, report } = next.open()
  assert.equal([report.clean, report.damage, partitions[0]?.nextOffset], [true, [], 40])
  next.append(SHOWN, 1)
  next.commit(SHOWN)
  runNow(next.store.close())
  assert.not.ok(
    next.disk
      .image(new Random(1), 'none')
      .list('__oncelog_positions-0')
      .some((name) => name.endsWith('.cleaned')),
  )
})

test('a close: what only Kafka’s tools read stays as it is', () => {
  const bench = new Bench({})
  bench.send(4)
  bench.host.close()
  const next = new SyncHost(bench.disk.reopened())
  next.open()
  const producerId = next.openProducer()
  const from = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0 }
  assert.is(next.send({ ...from, values: ['x'], acks: 'all' }).error, undefined)
  next.settle()
  const faults = new DiskFaults([{ kind: 'remove', effect: 'full', at: 1, path: '.snapshot', isSticky: true }])
  next.storage.faults = faults
  next.close()
  assert.ok(faults.struck > 0)
  const last = new SyncHost(next.storage.image(new Random(1), 'none'))
  assert.is(last.open().clean, true)
})

/** The next process, which has no more room for that. */
function withoutRoomToRemove(path: string, storage: VirtualDisk): SyncHost<VirtualDisk> {
  storage.faults = new DiskFaults([{ kind: 'remove', effect: 'full', at: 1, path, isSticky: true }])
  return new SyncHost(storage)
}

test('a close: files of the ring stay, all or some, and the next open goes on with them', () => {
  for (const path of ['.ring', ringFile(2)]) {
    const bench = new Bench({})
    bench.send(60)
    assert.ok(bench.disk.list('journal').includes('00000003.ring'))
    const faults = bench.refuse('remove', path, true)
    bench.host.close()
    assert.ok(faults.struck > 0)
    const next = withoutRoomToRemove(path, bench.disk.image(new Random(1), 'kill'))
    const { clean, damage } = next.open()
    assert.equal({ clean, damage }, { clean: true, damage: [] }, path)
    assert.is(next.fetchAll('t', 0).length, 60)
    next.close()
    const last = new SyncHost(next.storage.image(new Random(1), 'kill'))
    assert.ok(last.open().clean)
  }
})

test('an open after a kill: further places of checkpoints stay until the next one', () => {
  const bench = new Bench({})
  bench.send(4)
  const further = 'checkpoint/7'
  bench.disk.open(further, { create: true })?.close()
  const next = withoutRoomToRemove(further, bench.disk.image(new Random(1), 'kill'))
  assert.equal(next.open().damage, [])
  assert.is(next.fetchAll('t', 0).length, 4)
  const last = new SyncHost(next.storage.image(new Random(1), 'kill'))
  last.open()
  assert.equal([last.fetchAll('t', 0).length, last.storage.list('checkpoint').includes('7')], [4, false])
})

test('a log that finds none for good ends with what it lacked', () => {
  const bench = new Bench({})
  bench.send(1)
  bench.refuse('remove', 't-0/', true)
  const asked = bench.host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
  bench.host.settle()
  assert.ok(LogError.is(asked.error), String(asked.error))
})

test.run()
