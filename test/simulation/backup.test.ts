// A backup beside sends, transactions, committed offsets, a topic that goes and segments that do, in many orders; and a
// crash before each of its operations: the source keeps what it acknowledged, the copy is whole or refused.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { type Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows } from '../../bindings/testkit/simulation/virtual-rows.ts'

const TOPIC_IDS = ['AAAAAAAAAAAAAAAAAAAAAg', 'AAAAAAAAAAAAAAAAAAAAAw']
const ORDERS = 25

interface Life {
  readonly source: VirtualDisk
  readonly host: SyncHost
  readonly acknowledged: number[]
  readonly send: () => Asked<unknown>
}

/** Topic t: values count up. Topic u: pairs, one of each in both of its partitions, by transactions. */
function begun(order: Random | undefined): Life {
  const source = new VirtualDisk()
  const host = new SyncHost(source, { order })
  host.open()
  host.createTopic(TOPIC_IDS[0] ?? '', 't', 1, { 'segment.bytes': 600 })
  host.createTopic(TOPIC_IDS[1] ?? '', 'u', 2, { 'segment.bytes': 900 })
  const producerId = host.openProducer()
  const acknowledged: number[] = []
  let next = 0
  const send = () => {
    const value = next++
    const place = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: value }
    return host.send({ ...place, values: [`${value}`], acks: 'all' }, ({ error }) => {
      if (error === undefined) acknowledged.push(value)
    })
  }
  for (let index = 0; index < 12; index++) send()
  host.settle()
  return { source, host, acknowledged, send }
}

function targetOf(store: VirtualDisk) {
  return { store, link: () => false }
}

function read(disk: VirtualDisk) {
  const host = new SyncHost(disk)
  const { damage } = host.open()
  assert.equal(damage, [])
  const values = host.fetchAll('t', 0).map(({ value }) => Number(value))
  const pairs = [0, 1].map((partition) => host.fetchAll('u', partition).map(({ value }) => value))
  const committed = host.engine.groups.describe('g')?.offsets.map(({ nextOffset }) => nextOffset) ?? []
  const end = host.engine.topics.partition('t', 0).partition.watermarks.nextOffset
  host.close()
  host.discard()
  return { values, pairs, committed, end }
}

function assertWhole(disk: VirtualDisk, before: readonly number[]): ReturnType<typeof read> {
  const found = read(disk)
  assert.equal(
    found.values,
    found.values.map((_, index) => index),
    'a prefix of what was sent',
  )
  assert.ok(found.values.length >= before.length, `${found.values.length} of ${before.length} acknowledged values`)
  assert.equal(found.pairs[0], found.pairs[1], 'of a transaction all or nothing')
  for (const nextOffset of found.committed) assert.ok(nextOffset <= found.end, `${nextOffset} of ${found.end}`)
  return found
}

/** What goes on beside the backup; ends when it has. */
function goOn({ host, send }: Life, begin: () => Asked<void>, random: Random): Asked<void> {
  const generation = host.join('g', 'm', ['t'])
  const client = new TransactionalClient(host, 'pairs').init()
  const begins = random.below(6)
  let backup: Asked<void> | undefined
  let pair = 0
  for (let round = 0; backup?.answered !== true || round < 6; round++) {
    assert.ok(round < 2000, 'the backup never ends')
    if (round === begins) backup = begin()
    send()
    if (random.chance(0.5)) {
      client.begin()
      for (const partition of [0, 1]) client.send('u', partition, `${pair}`)
      pair++
      client.end(random.chance(0.8) ? 'commit' : 'abort')
    }
    if (random.chance(0.3)) {
      const nextOffset = host.engine.topics.partition('t', 0).partition.watermarks.durableOffset
      const offsets = [{ topicId: TOPIC_IDS[0] ?? '', partition: 0, nextOffset }]
      const request = { groupId: 'g', memberId: 'm', generation, offsets }
      host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
    }
    if (round < 4 && random.chance(0.4)) {
      host.createTopic(`AAAAAAAAAAAAAAAAAAAAB${'AQgw'[round]}`, 'gone', 1, {})
      const producerId = host.openProducer()
      const values = ['x'.repeat(200)]
      host.send({ topic: 'gone', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 1 })
      for (let step = 0; step < 30; step++) host.advance()
      host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'gone', done }))
    }
    for (let step = random.below(6); step > 0; step--) host.advance()
  }
  return backup
}

test(`beside everything else, in ${ORDERS} orders: one moment of the log, with all that was acknowledged before`, () => {
  const seen = { more: 0, pairs: 0, committed: 0 }
  for (let seed = 1; seed <= ORDERS; seed++) {
    const random = new Random(seed)
    const life = begun(random)
    const copy = new VirtualDisk()
    let before: number[] = []
    const begin = () => {
      before = [...life.acknowledged]
      return life.host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
    }
    const backup = goOn(life, begin, random)
    life.host.settle()
    assert.is(backup.error, undefined, `seed ${seed}`)
    const { values, pairs, committed } = assertWhole(copy.image(random, 'none'), before)
    if (values.length > before.length) seen.more++
    if ((pairs[0]?.length ?? 0) > 0) seen.pairs++
    if (committed.length > 0) seen.committed++
    life.host.close()
    assertWhole(life.source.image(random, 'none'), life.acknowledged)
    life.host.discard()
  }
  console.log(`  ${JSON.stringify(seen)}`)
})

test('of a log whose topics come and go without end: files go on going while most is copied, then wait for the little that is left', () => {
  const seen = { removed: 0, deleted: 0 }
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed)
    const life = begun(random)
    const { host, source } = life
    const names = ['x', 'y', 'z']
    for (const name of names) cameAgain(host, name, seen.deleted++)
    const copy = new VirtualDisk()
    let isCopying = true
    source.watch = (_, kind, path) => {
      if (isCopying && kind === 'remove' && path.endsWith('/partition.metadata')) seen.removed++
    }
    const before = [...life.acknowledged]
    const backup = host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
    for (let round = 0; !backup.answered; round++) {
      assert.ok(round < 400, 'the backup never ends')
      const name = names[round % names.length] as string
      host.ask<void>((done) => ({ kind: 'deleteTopic', name, done }))
      cameAgain(host, name, seen.deleted++)
      life.send()
    }
    isCopying = false
    assert.is(backup.error, undefined, `seed ${seed}: ${String(backup.error)}`)
    assertWhole(copy.image(random, 'none'), before)
    host.settle()
    host.close()
    host.discard()
  }
  console.log(`  ${JSON.stringify(seen)}`)
  assert.ok(seen.removed > 6, JSON.stringify(seen))
})

function cameAgain(host: SyncHost, topic: string, number: number): void {
  host.createTopic(Buffer.from(`topic${String(number).padStart(11, '0')}`).toString('base64url'), topic, 2, {})
  const producerId = host.openProducer()
  const values = ['x'.repeat(200)]
  for (const partition of [0, 1]) {
    host.send({ topic, partition, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 1 })
  }
  for (let step = 0; step < 10; step++) host.advance()
}

const MODES: readonly ImageMode[] = ['none', 'all', 'kill', 'torn', 'mixed']

test('a crash before each operation: the source keeps what it acknowledged, the copy is whole or refused', () => {
  const outcomes = { whole: 0, refused: 0, empty: 0 }
  const random = new Random(1)
  const life = begun(undefined)
  const before = [...life.acknowledged]
  const copy = new VirtualDisk()
  const judged = new Set<string>()
  const isNew = (disk: VirtualDisk) => {
    const digest = disk.digest()
    return !judged.has(digest) && judged.add(digest).size > 0
  }
  let points = 0
  let isWatched = true
  const crash = () => {
    if (!isWatched) return
    points++
    for (const mode of MODES) {
      const source = life.source.image(random, mode)
      if (isNew(source)) assertWhole(source, life.acknowledged)
      const image = copy.image(random, mode)
      if (!isNew(image)) continue
      if (image.list('').length === 0) {
        outcomes.empty++
        continue
      }
      try {
        assertWhole(image, before)
        outcomes.whole++
      } catch (error) {
        if (!LogError.is(error, 'COPY_UNFINISHED')) throw error
        outcomes.refused++
      }
    }
  }
  life.source.watch = crash
  copy.watch = crash
  const backup = life.host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
  for (let index = 0; index < 3; index++) {
    life.send()
    for (let step = 0; step < 10; step++) life.host.advance()
  }
  life.host.settle()
  assert.ok(backup.answered && backup.error === undefined, String(backup.error))
  crash()
  isWatched = false
  console.log(`  ${points} points: ${JSON.stringify(outcomes)}`)
  assert.ok(outcomes.refused > 50 && outcomes.whole > 5 && outcomes.empty <= 1, JSON.stringify(outcomes))
  life.host.discard()
})

/** The newest value of each key, in a topic that is about to be compacted. */
function keyed(): { readonly host: SyncHost<VirtualDisk>; readonly newest: ReadonlyMap<string, string> } {
  const host = new SyncHost(new VirtualDisk(), { cleanup: { compactionIntervalMs: 1000 } })
  host.open()
  const config = { 'cleanup.policy': 'compact', 'segment.bytes': 600, 'min.cleanable.dirty.ratio': 0.01 }
  host.createTopic(TOPIC_IDS[0] ?? '', 't', 1, config)
  const producerId = host.openProducer()
  const newest = new Map<string, string>()
  for (let sequence = 0; sequence < 40; sequence++) {
    const record = { key: `key-${sequence % 3}`, value: `${sequence} ${'.'.repeat(60)}` }
    newest.set(record.key, record.value)
    const records = [{ ...record, timestamp: undefined, headers: undefined }]
    const request = {
      topic: 't',
      partition: 0,
      producerEpoch: 0,
      baseSequence: sequence,
      acks: 'all' as const,
      records,
    }
    host.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }
  return { host, newest }
}

test('begun at any step of a compaction, its swap of segments included: the newest record of each key is there', () => {
  const steps = new Map<string, number>()
  let rewritten = 0
  for (let step = 0; ; step += 3) {
    const { host, newest } = keyed()
    let last = ''
    host.storage.watch = (_, kind, path) => {
      last = `${kind} ${path.replace(/.*\d\.log/, '')}`
    }
    host.tickAfter(1001)
    const isOver = !goSteps(host, step)
    steps.set(last, (steps.get(last) ?? 0) + 1)
    const copy = new VirtualDisk()
    const backup = host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
    host.passTime(2000)
    assert.is(backup.error, undefined, `begun at step ${step}: ${String(backup.error)}`)
    const opened = new SyncHost(copy.image(new Random(step), 'none'))
    assert.equal(opened.open().damage, [])
    const found = opened.fetchKeyed('t', 0)
    if (found.length < 40) rewritten++
    assert.equal(new Map(found.map(({ key, value }) => [key, value])), newest, `begun at step ${step}`)
    opened.discard()
    host.discard()
    if (isOver) break
  }
  console.log(`  ${steps.size} kinds of steps, ${rewritten} copies hold what compaction wrote`)
  assert.ok(steps.has('rename .cleaned') && steps.has('rename .swap'), [...steps.keys()].join())
  assert.ok(rewritten > 0)
})

/** The next step of the upkeep begins after a pause. False when nothing was left to do before so many steps. */
function goSteps(host: SyncHost, count: number): boolean {
  let pauses = 0
  for (let done = 0; done < count && pauses < 20; ) {
    if (host.advance()) {
      done++
      pauses = 0
    } else {
      host.tickAfter(5)
      pauses++
    }
  }
  return pauses < 20
}

test('a log over a database has none: it is refused by name, and the log goes on', () => {
  const host = new SyncHost(new VirtualRows())
  host.open()
  const copy = new VirtualDisk()
  const backup = host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
  host.settle()
  assert.ok(LogError.is(backup.error, 'INVALID_REQUEST'), String(backup.error))
  assert.is(backup.error.details['argument'], 'directory')
  assert.equal(copy.list(''), [])
  host.createTopic(TOPIC_IDS[0] ?? '', 't', 1, {})
  host.close()
})

/** How many files of a copy are flushed with nothing else between, at most. */
function flushesInRow(host: SyncHost): number {
  const copy = new VirtualDisk()
  let [row, longest] = [0, 0]
  copy.watch = (_number, kind) => {
    row = kind === 'flush' ? row + 1 : 0
    longest = Math.max(longest, row)
  }
  host.ask<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
  return longest
}

test('files are flushed together, which takes less than one after the other, but large ones as soon as they are copied', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic(TOPIC_IDS[0] ?? '', 't', 4, {})
  host.createTopic(TOPIC_IDS[1] ?? '', 'small', 20, {})
  const producerId = host.openProducer()
  for (let partition = 0; partition < 20; partition++) {
    const place = { topic: 'small', partition, producerId, producerEpoch: 0, baseSequence: 0 }
    host.send({ ...place, values: [''], acks: 1 })
  }
  host.settle()
  assert.is(flushesInRow(host), 12)
  host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'small', done }))
  for (let index = 0; index < 20; index++) {
    const place = {
      topic: 't',
      partition: index % 4,
      producerId,
      producerEpoch: 0,
      baseSequence: Math.floor(index / 4),
    }
    host.send({ ...place, values: ['x'.repeat(1_000_000)], acks: 1 })
    host.settle()
  }
  assert.ok(flushesInRow(host) <= 6)
  host.discard()
})

// Its directory was synced with its batches, before the indexes had their names there.
test('after a power cut the copy of a large segment has its indexes', () => {
  const source = new VirtualDisk()
  const before = new SyncHost(source)
  before.open()
  before.createTopic(TOPIC_IDS[0] ?? '', 't', 1, {})
  const producerId = before.openProducer()
  for (let baseSequence = 0; baseSequence < 5; baseSequence++) {
    const place = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence }
    before.send({ ...place, values: ['x'.repeat(1_000_000)], acks: 1 })
    before.settle()
  }
  before.close()
  const host = new SyncHost(source.reopened())
  host.open()
  const copy = new VirtualDisk()
  host.ask<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
  const names = copy.list('t-0')
  assert.ok(names.some((name) => name.endsWith('.index')))
  assert.equal(copy.image(new Random(1), 'none').list('t-0'), names)
  host.discard()
})

/** The files that are open at this moment. */
function openFilesOf(disk: VirtualDisk): ReadonlySet<StoreFile> {
  const openFiles = new Set<StoreFile>()
  const open = disk.open.bind(disk)
  disk.open = (...asked) => {
    const file = open(...asked)
    if (file === undefined) return file
    const close = file.close.bind(file)
    openFiles.add(file)
    file.close = () => {
      openFiles.delete(file)
      close()
    }
    return file
  }
  return openFiles
}

test('a full target, and one that fails: the backup is refused, the log goes on', () => {
  const life = begun(undefined)
  const spoils = [
    (disk: VirtualDisk) => (disk.freeBytes = 600),
    (disk: VirtualDisk) => (disk.freeBytes = 3000),
    (disk: VirtualDisk) => (disk.failFlushAt = 4),
  ]
  for (const spoil of spoils) {
    const copy = new VirtualDisk()
    spoil(copy)
    const openFiles = openFilesOf(copy)
    const backup = life.host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
    life.host.settle()
    assert.ok(LogError.is(backup.error, 'STORAGE_FULL', 'KAFKA_STORAGE_ERROR'), String(backup.error))
    assert.is(openFiles.size, 0, 'they would keep the room that a removed copy gives back')
    const refused = new SyncHost(copy.reopened())
    assert.throws(
      () => refused.open(),
      (error: unknown) => LogError.is(error, 'COPY_UNFINISHED'),
    )
    refused.discard()
    const sent = life.send()
    life.host.settle()
    assert.ok(sent.answered && sent.error === undefined)
  }
  life.host.close()
  life.host.discard()
})

test('a backup that fails at whatever place leaves no file of its target open', () => {
  const life = begun(undefined)
  const spoils = [
    (disk: VirtualDisk, at: number) => (disk.freeBytes = at * 400),
    (disk: VirtualDisk, at: number) => (disk.failFlushAt = at),
  ]
  for (const spoil of spoils) {
    let failures = 0
    for (let at = 1; ; at++) {
      const copy = new VirtualDisk()
      spoil(copy, at)
      const openFiles = openFilesOf(copy)
      const backup = life.host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
      life.host.settle()
      assert.equal(
        [...openFiles].map(({ path }) => path),
        [],
        `${at}`,
      )
      if (backup.error === undefined) break
      failures++
      if (failures > 400) break
    }
    assert.ok(failures > 5, String(failures))
  }
  life.host.discard()
})

test('a log that closes meanwhile ends the backup', () => {
  const life = begun(undefined)
  const copy = new VirtualDisk()
  const backup = life.host.start<void>((done) => ({ kind: 'backup', target: targetOf(copy), done }))
  for (let step = 0; step < 12; step++) life.host.advance()
  life.host.close()
  life.host.settle()
  assert.ok(LogError.is(backup.error, 'LOG_CLOSED'), String(backup.error))
  life.host.discard()
})

test.run()
