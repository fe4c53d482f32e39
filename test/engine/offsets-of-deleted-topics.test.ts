// A topic is deleted of which groups keep more than one frame holds: its delete decides, and what they keep ends with
// it, wherever a crash comes; after an open `__consumer_offsets` tells the same to Kafka's readers, who know only
// names.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition } from '../../bindings/broker/reader-session.ts'
import { decodeKafkaOffset } from '../../bindings/coordinator/group/kafka-offset.ts'
import { KafkaOffsets } from '../../bindings/coordinator/group/kafka-offsets.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { crashEverywhere } from '../simulation/crash-everywhere.ts'

const OFFSETS = '__consumer_offsets'
const GROUPS = ['g', 'h']
const SHARES = ['s', 'u']
/** Of each group some ten thousand bytes: a frame holds sixteen thousand. */
const PARTITIONS = 100
const DEAD = 'AAAAAAAAAAAAAAAAAAAAAg'
const LATER = 'AAAAAAAAAAAAAAAAAAAABA'
const OTHER = 'AAAAAAAAAAAAAAAAAAAACA'

type Host = SyncHost<VirtualDisk | VirtualRows>

function everywhere(topicId: string, nextOffset: number) {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({ topicId, partition, nextOffset }))
}

function setOffsets(host: Host, groupId: string, topicId: string, nextOffset: number): void {
  const offsets = everywhere(topicId, nextOffset)
  host.ask<void>((done) => ({ kind: 'setOffsets', groupId, offsets, done }))
}

function prepare(host: Host): void {
  host.open()
  host.createTopic(OTHER, 'other', PARTITIONS, {})
  host.createTopic(DEAD, 't', PARTITIONS, {})
  setOffsets(host, 'g', OTHER, 2)
  for (const groupId of GROUPS) setOffsets(host, groupId, DEAD, 3)
  for (const groupId of SHARES) {
    host.ask<void>((done) => ({ kind: 'startShareGroup', groupId, at: everywhere(DEAD, 3), done }))
  }
}

function deleting(done: (error: unknown) => void) {
  return { kind: 'deleteTopic', name: 't', done } as const
}

/** How many places each group has in the topic of this id. */
function kept(host: Host, topicId: string): number[] {
  const { groups, shares } = host.engine
  const ofTopic = (at: { topicId: string }) => at.topicId === topicId
  return [
    ...GROUPS.map((groupId) => groups.describe(groupId)?.offsets.filter(ofTopic).length ?? 0),
    ...SHARES.map((groupId) => shares.facts(groupId).filter(ofTopic).length),
  ]
}

/** What a broker finds in the offsets' topic: by the name in each record's key. */
function foundByName(host: Host, topic: string): number {
  const offsets = new KafkaOffsets()
  for (let nextOffset = 0, end = -1; nextOffset !== end; ) {
    end = nextOffset
    const positions = [{ topic: OFFSETS, partition: 0, nextOffset }]
    const request = { positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false } as const
    const [part] = host.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: host, request, done }))
    for (const batch of part?.batches ?? []) {
      for (let index = 0; index < batch.recordCount; index++) {
        const place = { topic: OFFSETS, partition: 0, offset: batch.offsetOf(index) }
        const [key, value, headers] = [batch.keyOf(index), batch.valueOf(index), batch.headersOf(index)]
        const record = decodeKafkaOffset({ key, value, headers, timestamp: undefined }, place)
        if (record !== undefined) offsets.take(record, place.offset, undefined)
      }
    }
    nextOffset = part?.nextOffset ?? nextOffset
  }
  return [...offsets.committed()].filter((each) => each.topic === topic).length
}

const NONE = [0, 0, 0, 0]
const ALL = [PARTITIONS, PARTITIONS, PARTITIONS, PARTITIONS]

for (const storageOf of [() => new VirtualDisk(), () => new VirtualRows()]) {
  test(`${storageOf().constructor.name}: the delete is one decision, and from it on nobody sees what groups kept`, () => {
    const host: Host = new SyncHost<VirtualDisk | VirtualRows>(storageOf())
    prepare(host)
    assert.equal(kept(host, DEAD), ALL)
    const asked = host.start<void>(deleting)
    let isDeleted = false
    while (host.advance()) {
      isDeleted = host.engine.catalogue.durable.liveById(DEAD) === undefined
      const [g, h] = kept(host, DEAD)
      assert.equal([g, h], isDeleted ? [0, 0] : [PARTITIONS, PARTITIONS])
    }
    assert.is(asked.error, undefined, String(asked.error))
    assert.ok(asked.answered && isDeleted)
    assert.equal([kept(host, DEAD), kept(host, OTHER)[0], foundByName(host, 't')], [NONE, PARTITIONS, 0])
    host.createTopic(LATER, 't', PARTITIONS, {})
    setOffsets(host, 'g', LATER, 1)
    assert.is(foundByName(host, 't'), PARTITIONS)
    host.close()
    host.discard()
  })
}

for (const groupId of ['s', 'new']) {
  test(`a request for records, and a start, of share group ${groupId} while a delete is on its way leave nothing of the dead id`, () => {
    const disk = new VirtualDisk()
    const host: Host = new SyncHost<VirtualDisk | VirtualRows>(disk)
    prepare(host)
    const producerId = host.openProducer()
    const at = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, acks: 'all' as const }
    host.send({ ...at, values: ['0', '1', '2', '3', '4'] })
    host.settle()
    const deleted = host.start<void>(deleting)
    const request = { topics: ['t'], maxOffsets: 5, lockMs: 30_000, startAt: 'earliest' as const }
    const acquired = host.start<unknown>((done) => {
      return { kind: 'acquireShare', member: { groupId, memberId: 'm' }, request, release: () => {}, done }
    })
    const started = host.start<void>((done) => {
      return { kind: 'startShareGroup', groupId: 'later', at: everywhere(DEAD, 1), done }
    })
    host.settle()
    assert.is(deleted.error, undefined)
    assert.ok(LogError.is(acquired.error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(acquired.error))
    assert.ok(LogError.is(started.error, 'UNKNOWN_TOPIC_ID'), String(started.error))
    assert.equal([host.engine.shares.facts(), host.engine.shares.isHeld], [[], false])
    const left = disk.image(new Random(1), 'kill')
    host.discard()
    const again: Host = new SyncHost<VirtualDisk | VirtualRows>(left)
    again.open()
    assert.equal(again.engine.shares.facts(), [])
    again.close()
    again.discard()
  })
}

/** Started again as long as the topic isn't there. */
function setOffsetsSoon(host: Host): () => boolean {
  let asked: ReturnType<typeof start> | undefined
  const offsets = everywhere(LATER, 1)
  const start = () => host.start<void>((done) => ({ kind: 'setOffsets', groupId: 'h', offsets, done }))
  return () => {
    if (asked === undefined || LogError.is(asked.error, 'UNKNOWN_TOPIC_ID')) asked = start()
    return asked.answered && asked.error === undefined
  }
}

test('offsets of the next topic of its name come after all of its tombstones, however soon they come', () => {
  const host: Host = new SyncHost<VirtualDisk | VirtualRows>(new VirtualDisk())
  prepare(host)
  const deleted = host.start<void>(deleting)
  const [topicId, name] = [LATER, 't']
  const created = host.start<void>((done) => {
    return { kind: 'createTopic', topicId, name, partitions: PARTITIONS, config: {}, done }
  })
  const areSet = setOffsetsSoon(host)
  while (!areSet() && host.advance());
  host.settle()
  assert.equal([deleted.error, created.error], [undefined, undefined])
  assert.equal([kept(host, DEAD), kept(host, LATER)[1], foundByName(host, 't')], [NONE, PARTITIONS, PARTITIONS])
  host.close()
  host.discard()
})

function closedInTheMiddle(order: Random): void {
  const disk = new VirtualDisk()
  const host: Host = new SyncHost<VirtualDisk | VirtualRows>(disk, { order })
  prepare(host)
  const deleted = host.start<void>(deleting)
  const config = {}
  const created = [LATER, 'AAAAAAAAAAAAAAAAAAAADA'].map((topicId) =>
    host.start<void>((done) => ({ kind: 'createTopic', topicId, name: 't', partitions: 1, config, done })),
  )
  host.close()
  assert.ok(deleted.answered && deleted.error === undefined)
  assert.is(created[0]?.error, undefined)
  assert.ok(LogError.is(created[1]?.error, 'TOPIC_ALREADY_EXISTS'), 'as it is refused where nothing is waited for')
  host.discard()
  const again: Host = new SyncHost<VirtualDisk | VirtualRows>(disk.image(new Random(3), 'none'))
  assert.ok(again.open().clean)
  assert.equal([kept(again, DEAD), foundByName(again, 't')], [NONE, 0])
  again.close()
  again.discard()
}

test('a log that is closed in the middle ends such a delete first, and a create that waits for it, whatever comes late', () => {
  // Where a close doesn't wait for the tombstones, 113, 171 and 239 tell, of the first 249.
  for (const seed of [1, 2, 3, 113, 171, 239]) closedInTheMiddle(new Random(seed))
})

test('whenever a log is crashed in such a delete, all of it is kept or nothing, for readers by name too', () => {
  const seen = { whole: 0, gone: 0 }
  const crashes = crashEverywhere<{ isAsked: boolean; isAnswered: boolean }>({
    ...{ modes: ['kill', 'none', 'all', 'torn', 'mixed'], step: 1, openingStep: 7, openingOf: 9 },
    nothingKnown: () => ({ isAsked: false, isAnswered: false }),
    from: ({ isAsked }) => (isAsked ? 1 : Number.POSITIVE_INFINITY),
    hostOf: (disk) => new SyncHost(disk),
    play(disk, known) {
      const host = new SyncHost(disk)
      prepare(host)
      known.isAsked = true
      host.ask<void>(deleting)
      known.isAnswered = true
      host.close()
      host.discard()
    },
    judge(image, { isAnswered }) {
      const host = new SyncHost(image)
      try {
        const wrong = host.open().damage.map((damage) => JSON.stringify(damage))
        const isGone = host.engine.catalogue.durable.liveById(DEAD) === undefined
        if (isAnswered && !isGone) wrong.push('its topic is there again')
        const expected = isGone ? [NONE, 0] : [ALL, GROUPS.length * PARTITIONS]
        const found = [kept(host, DEAD), foundByName(host, 't')]
        if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push(`gone ${isGone}: ${JSON.stringify(found)}`)
        if (kept(host, OTHER)[0] !== PARTITIONS) wrong.push('offsets of another topic are gone')
        seen[isGone ? 'gone' : 'whole']++
        host.close()
        return wrong
      } finally {
        host.discard()
      }
    },
  })
  assert.ok(seen.whole > 0 && seen.gone > 0, JSON.stringify(seen))
  assert.ok(crashes.points > 20, `${crashes.points} points`)
})

test.run()
