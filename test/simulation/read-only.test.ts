// What no crash leaves and a device can: an acknowledged frame is gone, in the middle of the journal or at its end.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../bindings/engine/commands.ts'
import { recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

/** An acknowledged frame in the middle of the journal is gone: no crash does that, a device can. */
function withoutAFrame(): VirtualDisk {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  const producerId = host.openProducer()
  const values = ['value']
  host.send({ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 'all' })
  host.settle()
  const image = disk.image(new Random(1), 'all')
  image.spoil('journal/00000000.ring', 4096, new Uint8Array(64))
  return image
}

function rest(host: SyncHost): void {
  for (let step = 0; host.advance(); step++) assert.ok(step < 1000, 'the engine never comes to rest')
}

test('a log that lost an acknowledged frame says so, answers every command and closes', () => {
  const host = new SyncHost(withoutAFrame())
  const report = host.open()
  assert.match(report.damage.map(({ code }) => code).join(), /frame \d+ is missing/)
  const refused = host.start<number>((done) => ({ kind: 'openProducer', done }))
  rest(host)
  assert.ok(refused.answered, 'a write to a read-only log is answered')
  assert.is((refused.error as { code?: string }).code, 'LOG_READ_ONLY')
})

test('a log that lost an acknowledged frame closes', () => {
  const host = new SyncHost(withoutAFrame())
  host.open()
  const closed = host.start<void>((done) => ({ kind: 'close', done }))
  rest(host)
  assert.ok(closed.answered)
  assert.is(closed.error, undefined)
})

/** As above, in a log that has records and whose tables, but for that of the topics, nobody has used. */
function withRecords(): SyncHost<VirtualDisk> {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  const producerId = host.openProducer()
  const frames: { path: string; position: number }[] = []
  disk.watch = (_number, kind, path, range) => {
    if (kind === 'write' && path.endsWith('.ring') && range !== undefined) frames.push({ path, ...range })
  }
  for (let baseSequence = 0; baseSequence < 4; baseSequence++) {
    const place = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence }
    host.send({ ...place, values: [`${baseSequence}`], acks: 'all' })
    host.settle()
  }
  const image = disk.image(new Random(1), 'all')
  const { path, position } = frames.at(-2)!
  image.spoil(path, position, new Uint8Array(64))
  const again = new SyncHost(image)
  assert.ok(again.open().damage.length > 0)
  return again
}

test('a log that lost an acknowledged frame can be read, whoever would write to it', () => {
  const host = withRecords()
  const readable = host.fetchAll('t', 0)
  assert.ok(readable.length > 0)
  const member = { groupId: 'g', memberId: 'm' }
  const subscription = { rejoins: false, topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: 1e9 }
  const request = { ...member, ...subscription }
  const writes: readonly ((done: (error: unknown) => void) => Command)[] = [
    (done) => ({ kind: 'openProducer', done }),
    (done) => ({ kind: 'initTransactionalProducer', transactionalId: 'id', timeoutMs: 1000, done }),
    (done) => ({ kind: 'joinGroup', request, rebalance: () => {}, done }),
    (done) => ({
      kind: 'setOffsets',
      groupId: 'g',
      offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset: 0 }],
      done,
    }),
    (done) => {
      const request = { topics: ['t'], maxOffsets: 1, lockMs: 1000, startAt: 'earliest' } as const
      return { kind: 'acquireShare', member, request, release: () => {}, done }
    },
    (done) => ({ kind: 'createTopic', topicId: 'AAAAAAAAAAAAAAAAAAAABA', name: 'u', partitions: 1, config: {}, done }),
  ]
  for (const write of writes) {
    const refused = host.start<void>(write)
    rest(host)
    const { code } = refused.error as { code?: string }
    assert.equal([refused.answered, code], [true, 'LOG_READ_ONLY'], write.toString())
    assert.equal(host.fetchAll('t', 0), readable, write.toString())
  }
  host.close()
})

/** The last frame is gone, whose decisions stand in their segments already (durability rule 3). */
function withoutTheLastFrame(decide: (host: SyncHost) => void): VirtualDisk {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 2, {})
  const generation = host.join('g', 'm', ['t'])
  assert.is(generation, 1)
  let last = { path: '', position: 0, lengthBytes: 0 }
  disk.watch = (_number, kind, path, range) => {
    if (kind === 'write' && path.endsWith('.ring') && range !== undefined) last = { path, ...range }
  }
  decide(host)
  host.settle()
  const image = disk.image(new Random(1), 'all')
  assert.ok(last.lengthBytes > 0, 'a frame was written')
  image.spoil(last.path, last.position, new Uint8Array(last.lengthBytes))
  return image
}

const LOST: Readonly<
  Record<string, { readonly decide: (host: SyncHost) => void; readonly damaged: readonly string[] }>
> = {
  'committed offsets': {
    decide(host) {
      const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 0 }]
      const request = { groupId: 'g', memberId: 'm', generation: 1, offsets }
      host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
    },
    damaged: ['__consumer_offsets-0'],
  },
  'the markers of a transaction': {
    decide(host) {
      const client = new TransactionalClient(host, 'id').init().begin()
      client.send('t', 0, 'a')
      client.send('t', 1, 'b')
      client.end('commit')
    },
    damaged: ['__transaction_state-0', 't-0', 't-1'],
  },
}

function closed(host: SyncHost<VirtualDisk>): VirtualDisk {
  host.close()
  return host.storage.reopened()
}

for (const [name, { decide, damaged }] of Object.entries(LOST)) {
  test(`${name} in a segment without their frame prove that one was lost: place and partitions are told`, () => {
    const disk = withoutTheLastFrame(decide)
    recoveryMarks.counts.clear()
    const host = new SyncHost(disk)
    const report = host.open()
    assert.is(recoveryMarks.counts.get('decision-without-frame'), damaged.length)
    const placeOf = (each: { topic?: string | undefined; partition?: number | undefined }) =>
      `${each.topic}-${each.partition}`
    assert.equal(report.readOnly.map(placeOf).sort(), damaged)
    assert.equal(report.damage.map(placeOf).sort(), damaged)
    for (const { code, file, position, offset, topic, partition } of report.damage) {
      assert.is(code, 'CORRUPT_LOG')
      assert.is(file, `${topic}-${partition}/00000000000000000000.log`)
      assert.ok(position >= 0 && offset !== undefined, `${position}, ${offset}`)
    }
    assert.is(report.clean, false)
    // Killed or closed: the place is told by every later open.
    const places = report.damage.map(({ file, position }) => `${file} ${position}`).sort()
    for (const next of [host.storage.image(new Random(1), 'kill'), closed(host)]) {
      const again = new SyncHost(next).open()
      assert.equal(again.readOnly.map(placeOf).sort(), damaged)
      assert.equal(again.readOnly.map((each) => `${each.damage?.file} ${each.damage?.position}`).sort(), places)
    }
  })
}

test.run()
