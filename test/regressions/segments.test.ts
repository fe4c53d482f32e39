// What Kafka's own tests ask of segments, their recovery and lookups, over the engine; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition } from '../../bindings/broker/reader-session.ts'
import { parseSegmentFileName, segmentFileName } from '../../bindings/log/files/file-names.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { afterCrash, fresh, plain, values } from '../guarantees/support.ts'
import { content, overwrite } from '../log/segment/model.ts'

function alter(host: SyncHost, changes: Record<string, string | number>): void {
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
}

/** Batches of one record in segments of four. */
function filled(count: number, acks: 1 | 'all' = 'all'): SyncHost<VirtualDisk> {
  const host = fresh()
  alter(host, { 'segment.bytes': 300 })
  const producerId = host.openProducer()
  for (let sequence = 0; sequence < count; sequence++) plain(host, producerId, sequence, `${sequence}`, acks)
  return host
}

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`)
}

function segments(disk: VirtualDisk): number[] {
  return disk.list('t-0').flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'log' ? [parsed.offset] : []
  })
}

test('random bytes after the last batch are cut, all before them stays (testCorruptLog, testRecoveryWithCorruptMessage)', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed)
    const disk = filled(1 + random.below(20)).storage.image(random, 'kill')
    const count = values(opened(disk.image(random, 'all'))).length
    const path = `t-0/${segmentFileName(segments(disk).at(-1)!, 'log')}`
    const before = content(disk, path)!
    const garbage = Uint8Array.from({ length: 1 + random.below(200) }, () => random.below(256))
    overwrite(disk, path, Uint8Array.of(...before, ...garbage))
    const host = opened(disk)
    assert.equal([host.engine.report?.damage, host.engine.report?.readOnly], [[], []], `seed ${seed}`)
    assert.equal(values(host), upTo(count))
    assert.is(content(disk, path)?.length, before.length)
    assert.is(plain(host, host.openProducer(), 0, `${count}`, 'all'), count)
    assert.equal(values(afterCrash(host, 'none')), upTo(count + 1))
  }
})

function opened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  host.open()
  return host
}

test('index files without a segment count for nothing, where one comes later too (testBogusIndexSegmentsAreRemoved)', () => {
  for (const mode of ['close', 'kill', 'none'] as const) {
    const host = filled(9)
    alter(host, { 'segment.bytes': 400 })
    if (mode === 'close') host.close()
    const disk = mode === 'close' ? host.storage.reopened() : host.storage.image(new Random(1), mode)
    // Each begins a segment, or would have to lie in one.
    const bogus = [1, 2, 9, 10, 11, 12, 13, 14, 15, 16, 900]
    for (const offset of bogus) {
      for (const suffix of ['index', 'timeindex', 'txnindex'] as const) {
        const path = `t-0/${segmentFileName(offset, suffix)}`
        if (!segments(disk).includes(offset)) overwrite(disk, path, new Uint8Array(34 * 12).fill(1))
      }
    }
    const later = opened(disk)
    assert.equal(later.engine.report?.damage, [])
    const client = new TransactionalClient(later, 'id').init()
    for (let round = 0; round < 6; round++) {
      client.begin().send('t', 0, `${9 + round}`)
      client.end('commit')
    }
    assert.ok(segments(disk).some((offset) => bogus.includes(offset)))
    for (const each of [later, afterCrash(later, 'none'), afterCrash(later, 'kill')]) {
      assert.equal(values(each), upTo(15), mode)
    }
    assert.is(offsetAt(later, 0), 0)
  }
})

test('index files whose segment is gone go with the open after a crash, of a partition that nothing happened to too', () => {
  const crashed = filled(9).storage.image(new Random(1), 'none')
  const untouched = opened(crashed.image(new Random(1), 'all')).storage.image(new Random(1), 'none')
  for (const disk of [crashed, untouched]) {
    const listed = segments(disk)
    assert.not.ok(listed.includes(2))
    for (const offset of [2, 900]) {
      for (const suffix of ['index', 'timeindex', 'txnindex'] as const) {
        overwrite(disk, `t-0/${segmentFileName(offset, suffix)}`, new Uint8Array(12).fill(1))
      }
    }
    // Kafka's tools would take what it says for aborted.
    overwrite(disk, `t-0/${segmentFileName(listed[0] ?? 0, 'txnindex')}`, new Uint8Array(34))
    overwrite(disk, 't-0/notes', new Uint8Array(1))
    const later = opened(disk)
    assert.equal(later.engine.report?.damage, [])
    assert.equal(values(later), upTo(9))
    const names = disk.list('t-0').filter((name) => /^\d+\.(\w*index)$/.test(name))
    assert.ok(
      names.every((name) => listed.includes(Number(name.slice(0, 20)))),
      names.join(' '),
    )
    assert.not.ok(names.some((name) => name.endsWith('.txnindex')))
    assert.ok(disk.list('t-0').includes('notes'), 'a foreign file stays')
  }
})

function offsetAt(host: SyncHost, timestamp: number): number | undefined {
  const at = [{ topic: 't', partition: 0 }]
  const [offset] = host.ask<(number | undefined)[]>((done) => ({ kind: 'offsetsForTimestamp', at, timestamp, done }))
  return offset
}

test('a log start beyond what a crash left: the log is empty and begins there (testLogEndLessThanStartAfterReopen)', () => {
  for (const mode of ['none', 'all', 'kill'] as readonly ImageMode[]) {
    const host = filled(3)
    const producerId = host.openProducer()
    // Nobody made these durable.
    for (let sequence = 0; sequence < 9; sequence++) plain(host, producerId, sequence, 'relaxed', 1)
    const at = [{ topic: 't', partition: 0, beforeOffset: -1 }]
    host.ask((done) => ({ kind: 'deleteRecords', at, done }))
    const later = afterCrash(host, mode)
    assert.equal(later.engine.report?.damage, [], mode)
    const { watermarks } = later.engine.topics.partition('t', 0).partition
    assert.is(watermarks.logStartOffset, 12)
    assert.ok(watermarks.nextOffset >= 12, `${watermarks.nextOffset}`)
    assert.equal(values(later), [])
    const offset = plain(later, later.openProducer(), 0, 'next', 'all')
    assert.ok(offset >= 12)
    for (const each of [later, afterCrash(later, 'none')]) assert.equal(values(each), ['next'])
  }
})

test('after a clean stop no recovery runs: no batch is looked at (testCleanShutdownFile)', () => {
  const host = filled(9)
  host.close()
  const disk = host.storage.reopened()
  disk.brokenPath = `t-0/${segmentFileName(segments(disk).at(-1)!, 'log')}`
  const later = new SyncHost(disk)
  assert.ok(later.open().clean)
  disk.brokenPath = undefined
  assert.equal(values(later), upTo(9))
})

test('the first record at or after a time, in and out of order, in one batch or several (testFindOffsetByTimestamp)', () => {
  for (const perBatch of [1, 3]) {
    const host = fresh()
    alter(host, { 'segment.bytes': 300, 'index.interval.bytes': 0 })
    const producerId = host.openProducer()
    const times = [30, 10, 40, 20, 50, 45, 50, 70, 60, 5, 70, 65]
    for (let baseSequence = 0; baseSequence < times.length; baseSequence += perBatch) {
      const records = times.slice(baseSequence, baseSequence + perBatch).map((timestamp) => {
        return { key: null, value: 'x'.repeat(50), timestamp, headers: undefined }
      })
      const request = { topic: 't', partition: 0, producerEpoch: 0, baseSequence, acks: 'all' as const, records }
      host.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
    }
    assert.ok(segments(host.storage).length > 1)
    const at = [{ topic: 't', partition: 0, beforeOffset: 1 }]
    for (const [logStart, each] of [
      [0, host],
      [0, afterCrash(host, 'none')],
      [1, host],
    ] as const) {
      if (logStart > 0) each.ask((done) => ({ kind: 'deleteRecords', at, done }))
      for (let timestamp = 0; timestamp <= 71; timestamp++) {
        const wanted = times.findIndex((time, offset) => time >= timestamp && offset >= logStart)
        assert.is(offsetAt(each, timestamp) ?? -1, wanted, `${timestamp}, ${perBatch} a batch, from ${logStart}`)
      }
    }
  }
})

test('an offset in a gap, or at one that only markers fill, leads to the next record (testReadAtLogGap, testReadFromGap)', () => {
  const host = fresh()
  alter(host, { 'cleanup.policy': 'compact', 'segment.bytes': 300, 'min.cleanable.dirty.ratio': 0.01 })
  const client = new TransactionalClient(host, 'id').init()
  client.key = 'k'
  for (let round = 0; round < 200; round++) {
    client.begin().send('t', 0, `${round}`)
    client.end(round % 3 === 0 ? 'abort' : 'commit')
  }
  host.passTime(60_000)
  const shown = host.fetchAll('t', 0).map(({ offset }) => offset)
  assert.ok(shown.length < 100, `${shown.length} are left`)
  host.close()
  const later = opened(host.storage.reopened())
  for (let from = 0; from < 400; from++) {
    const next = shown.find((offset) => offset >= from)
    assert.is(firstFrom(later, from), next, `from ${from}`)
  }
})

/** A reader that takes as little as it can at once: it must come further with every fetch. */
function firstFrom(host: SyncHost, from: number): number | undefined {
  for (let nextOffset = from; ; ) {
    const position = { topic: 't', partition: 0, nextOffset }
    const request = { positions: [position], isolationLevel: 'read_committed' as const, maxBytes: 1, wait: false }
    const [part] = host.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: {}, request, done }))
    assert.is(part?.error, undefined)
    for (const batch of part?.batches ?? []) {
      for (let index = 0; index < batch.recordCount; index++) {
        if (batch.offsetOf(index) >= from) return batch.offsetOf(index)
      }
    }
    if (part === undefined || part.nextOffset === nextOffset) {
      assert.is(nextOffset, part?.endOffset, 'it stands at the end')
      return undefined
    }
    nextOffset = part.nextOffset
  }
}

test.run()
