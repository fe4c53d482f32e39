// The catalogue is compacted: however often log starts move, configs change and topics come and go, it stays as long as
// its content, and what an open reads of it says the same.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CleanupOptions } from '../../bindings/engine/cleanup.ts'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'
import { runNow } from '../log/support.ts'

const CATALOGUE = '__oncelog_catalogue'
const SEGMENT_BYTES = 16 * 1024
const CLEANUP: CleanupOptions = { tableSegmentBytes: SEGMENT_BYTES, compactionIntervalMs: 1000 }
const MOVES = 10_000
const PARTITIONS = 8

type Host = SyncHost<VirtualDisk>

function opened(disk: VirtualDisk, cleanup = CLEANUP): Host {
  const host: Host = new SyncHost(disk, { cleanup })
  const { damage, readOnly } = host.open()
  assert.equal([damage, readOnly], [[], []])
  return host
}

function topicId(number: number): string {
  return Buffer.from(`catalogue${String(number).padStart(7, '0')}`).toString('base64url')
}

function fill(host: Host, topic: string, count: number, partition = 0): void {
  const producerId = host.openProducer()
  for (let done = 0; done < count; done += 1000) {
    const values = Array.from({ length: Math.min(1000, count - done) }, () => '')
    host.send({ topic, partition, producerId, producerEpoch: 0, baseSequence: done, values, acks: 'all' })
    host.settle()
  }
}

function moveStart(host: Host, topic: string, beforeOffset: number, partitions = 1): void {
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, beforeOffset }))
  host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
}

function bytesOf(disk: VirtualDisk): number {
  const segments = disk.list(`${CATALOGUE}-0`).filter((name) => name.endsWith('.log'))
  return segments.reduce((sum, name) => sum + (disk.open(`${CATALOGUE}-0/${name}`, { create: false })?.size() ?? 0), 0)
}

/** What an opening applies. */
function recordsOf(host: Host): number {
  return host.fetchAll(CATALOGUE, 0).length
}

function told(host: Host): unknown {
  return host.engine.catalogue.durable
    .live()
    .map((topic) => ({ ...topic, logStartOffsets: [...topic.logStartOffsets] }))
}

function reopenings(host: Host, cleanup = CLEANUP): readonly Host[] {
  const images = (['kill', 'none'] as const).map((mode) => host.storage.image(new Random(7), mode))
  host.close()
  return [...images, host.storage.reopened()].map((disk) => {
    assert.equal(runNow(verifyDirectory(disk, newKernel(1 << 25), () => {})).damage, [])
    return opened(disk, cleanup)
  })
}

test('ten thousand moves of a log start leave a catalogue of a few records, that an opening reads', () => {
  const host = opened(new VirtualDisk())
  host.createTopic(topicId(1), 't', PARTITIONS, {})
  const each = MOVES / PARTITIONS
  for (let partition = 0; partition < PARTITIONS; partition++) fill(host, 't', each, partition)
  let most = 0
  for (let offset = 1; offset <= each; offset++) {
    moveStart(host, 't', offset, PARTITIONS)
    if (offset % 25 === 0) host.passTime(2000)
    most = Math.max(most, bytesOf(host.storage))
  }
  assert.ok(most < 8 * SEGMENT_BYTES, `${most} bytes`)
  const before = told(host)
  for (const again of reopenings(host)) {
    assert.equal(told(again), before)
    assert.is(again.engine.topics.partition('t', 0).partition.watermarks.logStartOffset, each)
    assert.ok(recordsOf(again) < 400, `${recordsOf(again)} records`)
  }
})

test('topics that came and went, and configs that were changed, are gone from the catalogue', () => {
  const host = opened(new VirtualDisk())
  host.createTopic(topicId(1), 'kept', 2, {})
  for (let number = 2; number < 150; number++) {
    host.createTopic(topicId(number), 'short-lived', 1, {})
    fill(host, 'short-lived', 2)
    moveStart(host, 'short-lived', 1)
    for (const name of ['short-lived', 'kept']) {
      const changes = { 'segment.ms': 1_000_000 + number }
      host.ask<void>((done) => ({ kind: 'alterConfig', name, changes, done }))
    }
    host.ask<void>((done) => ({ kind: 'createPartitions', name: 'short-lived', totalCount: 3, done }))
    host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'short-lived', done }))
    if (number % 10 === 0) host.passTime(2000)
  }
  assert.equal(host.engine.catalogue.durable.dead(), [], 'nor does the running log remember them')
  const before = told(host)
  for (const again of reopenings(host)) {
    assert.equal([told(again), again.engine.catalogue.durable.dead()], [before, []])
    assert.is(again.engine.topics.facts('kept').config['segment.ms'], 1_000_149)
    assert.ok(recordsOf(again) < 150, `${recordsOf(again)} records of 889`)
    assert.equal(
      again.storage.list('').filter((name) => name.startsWith('short')),
      [],
    )
  }
})

test('a partition that was added keeps its log start', () => {
  const host = opened(new VirtualDisk(), { ...CLEANUP, tableSegmentBytes: 900 })
  host.createTopic(topicId(1), 't', 1, {})
  for (let totalCount = 2; totalCount < 8; totalCount++) {
    host.ask<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount, done }))
    const partition = totalCount - 1
    const producerId = host.openProducer()
    host.send({ topic: 't', partition, producerId, producerEpoch: 0, baseSequence: 0, values: ['', ''], acks: 'all' })
    host.settle()
    const at = [{ topic: 't', partition, beforeOffset: 1 }]
    host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
    host.passTime(2000)
  }
  const before = told(host)
  for (const again of reopenings(host, { ...CLEANUP, tableSegmentBytes: 900 })) assert.equal(told(again), before)
})

test('a catalogue that grew in one segment, as it did before, is compacted once it goes on', () => {
  const host = opened(new VirtualDisk(), { ...CLEANUP, tableSegmentBytes: 1024 * 1024 })
  host.createTopic(topicId(1), 't', 1, {})
  fill(host, 't', 500)
  for (let offset = 1; offset <= 500; offset++) moveStart(host, 't', offset)
  host.close()
  const again = opened(host.storage.reopened())
  assert.ok(recordsOf(again) > 500)
  again.createTopic(topicId(2), 'u', 1, {})
  again.passTime(2000)
  again.createTopic(topicId(3), 'v', 1, {})
  again.passTime(2000)
  assert.ok(recordsOf(again) < 10, `${recordsOf(again)} records`)
  assert.is(again.engine.topics.partition('t', 0).partition.watermarks.logStartOffset, 500)
})

test.run()
