// Where a partition begins: decided durably, told to readers, kept across closes and crashes; files are removed after
// that.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition } from '../../bindings/broker/reader-session.ts'
import { LogStarts } from '../../bindings/engine/log-starts.ts'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows, type VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { newKernel } from '../kernel/support.ts'
import { runNow } from '../log/support.ts'
import { opened } from './storages.ts'

const kernel = newKernel(1 << 25)
const tests = suite('deleting records')
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABA'
/** Two of the batches below fit. */
const CONFIG = { 'segment.bytes': 1000 }
const VALUE = 'x'.repeat(400)

function created<S extends VirtualStorage>(storage: S, config = CONFIG): SyncHost<S> {
  const host = opened(storage)
  host.createTopic(TOPIC_ID, 't', 2, config)
  return host
}

function fill(host: SyncHost<VirtualStorage>, count: number, acks: 1 | 'all' = 'all', partition = 0): void {
  const producerId = host.openProducer()
  for (let index = 0; index < count; index++) {
    const batch = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence: index, values: [VALUE], acks }
    const sent = host.send(batch)
    host.settle()
    assert.is(sent.error, undefined)
  }
}

function deleteBefore(host: SyncHost<VirtualStorage>, beforeOffset: number, partition = 0): readonly number[] {
  const at = [{ topic: 't', partition, beforeOffset }]
  return host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
}

function start(host: SyncHost<VirtualStorage>): number {
  return host.engine.topics.partition('t', 0).partition.watermarks.logStartOffset
}

function fetchAt(host: SyncHost<VirtualStorage>, nextOffset: number): FetchedPartition | undefined {
  const request = {
    positions: [{ topic: 't', partition: 0, nextOffset }],
    isolationLevel: 'read_committed' as const,
    maxBytes: 1e6,
    wait: false,
  }
  return host.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: host, request, done }))[0]
}

function offsets(host: SyncHost<VirtualStorage>): readonly number[] {
  return host.fetchAll('t', 0).map(({ offset }) => offset)
}

function segments(disk: VirtualDisk): readonly string[] {
  return disk.list('t-0').filter((name) => name.endsWith('.log'))
}

function damage(storage: VirtualStorage): readonly unknown[] {
  if (storage instanceof VirtualRows) return []
  return runNow(verifyDirectory(storage, kernel, () => {})).damage
}

function code(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return LogError.is(error) ? error.code : String(error)
  }
}

for (const [name, make] of [
  ['files', () => new VirtualDisk()],
  ['rows', () => new VirtualRows()],
] as const) {
  tests(`${name}: the start is answered, readers below it hear the valid range, the others read on`, () => {
    const host = created<VirtualStorage>(make())
    fill(host, 6)
    assert.equal(deleteBefore(host, 3), [3])
    assert.equal(deleteBefore(host, 1), [3], 'it never goes back')
    const below = fetchAt(host, 2)
    assert.ok(LogError.is(below?.error, 'OFFSET_OUT_OF_RANGE'))
    assert.match(below?.error?.message ?? '', /outside 3 to 6/)
    host.passTime(60_000)
    assert.is(fetchAt(host, 3)?.batches.at(-1)?.nextOffset, 6)
    assert.equal(deleteBefore(host, -1), [6], '-1 is the high watermark')
    assert.equal([fetchAt(host, 6)?.nextOffset, fetchAt(host, 6)?.error], [6, undefined])
    fill(host, 1)
    assert.is(fetchAt(host, 6)?.batches[0]?.baseOffset, 6)
  })

  for (const mode of ['close', 'kill', 'none', 'all', 'mixed'] as const) {
    for (const removed of [true, false]) {
      const when = removed ? 'with files removed' : 'before files are removed'
      tests(`${name}: the start is kept across ${mode}, ${when}, and the end too`, () => {
        const host = created<VirtualStorage>(make())
        fill(host, 9)
        deleteBefore(host, 5)
        if (removed) host.passTime(60_000)
        if (mode === 'close') host.close()
        const storage = mode === 'close' ? host.storage.reopened() : host.storage.image(new Random(1), mode)
        host.discard()
        // Of an index that was never flushed a power loss may leave anything.
        if (mode !== 'mixed') assert.equal(damage(storage), [], 'what verify says of it')
        const again = new SyncHost(storage)
        const report = again.open()
        assert.equal([report.damage, report.readOnly], [[], []])
        assert.equal([start(again), again.engine.topics.partition('t', 0).partition.watermarks.nextOffset], [5, 9])
        assert.equal(offsets(again), [5, 6, 7, 8])
        assert.ok(LogError.is(fetchAt(again, 4)?.error, 'OFFSET_OUT_OF_RANGE'))
        again.passTime(60_000)
        if (storage instanceof VirtualDisk) {
          assert.is(segments(storage)[0], '00000000000000000004.log', 'what was left of the removal is gone')
        }
        fill(again, 1)
        assert.equal(offsets(again), [5, 6, 7, 8, 9])
      })
    }
  }
}

tests('files go when their checkpoint is there, acks 1 or all; the last segment stays', () => {
  for (const acks of [1, 'all'] as const) {
    const disk = new VirtualDisk()
    const host = created(disk)
    fill(host, 9, acks)
    assert.is(segments(disk).length, 5)
    deleteBefore(host, 7)
    host.passTime(60_000)
    assert.equal(segments(disk), ['00000000000000000006.log', '00000000000000000008.log'])
    deleteBefore(host, -1)
    host.passTime(60_000)
    assert.equal(segments(disk), ['00000000000000000008.log'])
    fill(host, 3, acks)
    assert.equal(
      fetchAt(host, 9)?.batches.map(({ baseOffset }) => baseOffset),
      [9, 10, 11],
    )
  }
})

tests('records of an open transaction can be deleted: committed readers then wait for none that is gone', () => {
  const host = created(new VirtualDisk())
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a', 'b')
  // The first look asks for a ceiling above them.
  for (let look = 0; look < 2; look++) {
    host.fetchAll('t', 0, 'read_uncommitted')
    host.settle()
  }
  assert.equal(deleteBefore(host, -1), [2])
  const { watermarks, lastStableOffset } = host.engine.topics.partition('t', 0).partition
  assert.equal([watermarks.logStartOffset, lastStableOffset], [2, 2])
  assert.equal([fetchAt(host, 2)?.nextOffset, fetchAt(host, 2)?.error], [2, undefined])
})

tests('beyond the high watermark, in a topic that compacts, without the topic: refused, and nothing moves', () => {
  const host = created(new VirtualDisk())
  fill(host, 2)
  assert.is(
    code(() => deleteBefore(host, 3)),
    'OFFSET_OUT_OF_RANGE',
  )
  const at = [
    { topic: 't', partition: 0, beforeOffset: 1 },
    { topic: 't', partition: 1, beforeOffset: 1 },
  ]
  assert.is(
    code(() => host.ask((done) => ({ kind: 'deleteRecords', at, done }))),
    'OFFSET_OUT_OF_RANGE',
  )
  assert.is(start(host), 0, 'all or none')
  const changes = { 'cleanup.policy': 'compact' }
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  assert.is(
    code(() => deleteBefore(host, 1)),
    'POLICY_VIOLATION',
  )
  const gone = [{ topic: 'gone', partition: 0, beforeOffset: 0 }]
  assert.is(
    code(() => host.ask((done) => ({ kind: 'deleteRecords', at: gone, done }))),
    'UNKNOWN_TOPIC_OR_PARTITION',
  )
})

tests('all partitions of a call are one frame: a crash leaves all of their starts or none', () => {
  const partitions = 20
  const host = opened(new VirtualDisk())
  host.createTopic(TOPIC_ID, 't', partitions, CONFIG)
  for (let partition = 0; partition < partitions; partition++) fill(host, 1, 'all', partition)
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition, beforeOffset: 1 }))
  const frames: number[] = []
  host.storage.watch = (operation, kind, path) => {
    if (kind === 'write' && path.endsWith('.ring')) frames.push(operation)
  }
  const begins = host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
  host.storage.watch = undefined
  assert.equal([begins.length, new Set(begins), frames.length], [partitions, new Set([1]), 1])
})

tests('a call whose change is written in parts fails if any of them did, the first or the last', () => {
  const full = new LogError('STORAGE_FULL', 'by the test')
  for (const failing of [0, 1, 2]) {
    const changes: ((error: unknown) => void)[] = []
    const starts = new LogStarts({
      catalogue: { planMoveLogStart: () => [] } as never,
      topics: undefined as never,
      change: ({ done }) => void changes.push(done),
      moved: () => {},
    })
    const moves = Array.from({ length: 20 }, () => ({
      hosted: { id: {}, partition: { watermarks: { logStartOffset: 0 } } } as never,
      logStartOffset: 1,
    }))
    let heard: unknown = 'nothing'
    starts.move(moves, (error) => {
      heard = error
    })
    assert.is(changes.length, 3)
    for (const [index, done] of changes.entries()) done(index === failing ? full : undefined)
    assert.is(heard, full, `part ${failing}`)
  }
})

tests('of two calls at once both are answered after the decision', () => {
  const host = created(new VirtualDisk())
  fill(host, 4)
  const at = [{ topic: 't', partition: 0, beforeOffset: 2 }]
  const asked = [1, 2].map(() => host.start<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done })))
  assert.equal(
    asked.map(({ answered }) => answered),
    [false, false],
  )
  host.settle()
  assert.equal(
    asked.map(({ value }) => value),
    [[2], [2]],
  )
})

tests('a reader that waits below the new start is told; a read of a segment that is under way does no harm', () => {
  const host = created(new VirtualDisk())
  fill(host, 6)
  const position = { topic: 't', partition: 0, nextOffset: 0 }
  const request = { positions: [position], isolationLevel: 'read_committed' as const, maxBytes: 1e6, wait: false }
  // The log is opened anew, so that the segment has to be loaded first.
  host.close()
  host.discard()
  const again = opened(host.storage.reopened())
  const reading = again.start<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: {}, request, done }))
  assert.not(reading.answered)
  deleteBefore(again, -1)
  again.passTime(60_000)
  assert.is(reading.error, undefined)
  const [part] = reading.value ?? []
  const isRead = part?.batches.length === 6 || LogError.is(part?.error, 'OFFSET_OUT_OF_RANGE')
  assert.ok(isRead || part?.batches[0]?.baseOffset === 0, 'records, or the range that is valid')
  assert.is(fetchAt(again, 6)?.error, undefined)
})

tests('a topic that is deleted while its records are: no log ends', () => {
  const host = created(new VirtualDisk())
  fill(host, 9)
  const at = [{ topic: 't', partition: 0, beforeOffset: 7 }]
  const asked = host.start((done) => ({ kind: 'deleteRecords', at, done }))
  host.ask<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
  host.passTime(60_000)
  assert.ok(asked.answered)
  host.createTopic('AAAAAAAAAAAAAAAAAAAACA', 't', 1, CONFIG)
  fill(host, 1)
  assert.is(fetchAt(host, 0)?.batches.length, 1)
})

tests.run()
