// What the log decides has memory of its own: it is decided, and the log closes, though from the n-th allocation on all
// are refused, for each n.
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { KernelCore } from '../../bindings/kernel/kernel-core.ts'
import {
  CATALOGUE_TOPIC,
  OFFSETS_TOPIC,
  SHARES_TOPIC,
  TRANSACTIONS_TOPIC,
} from '../../bindings/log/catalogue/topic-ids.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { afterCrash, fresh, overStorages, TOPIC_ID } from './transaction-hosts.ts'

const test = overStorages('refused allocations')

/** More partitions than files may stay open, so that those of the log's own topics were closed meanwhile. */
const PARTITIONS = 70
const GROWN = 80
const MADE_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const OLD_ID = 'AAAAAAAAAAAAAAAAAAAABA'
/** Offsets of so many groups are more than an index has one entry for. */
const GROUPS = 40
const member = { groupId: 'shares', memberId: 'm' }
const transactional = { transactionalId: 'id', timeoutMs: 60_000 }

/** Refuses all allocations but the first `count` of those that `run` asks for. Returns how many it asked for. */
function refusingAfter(count: number, run: () => void): number {
  const { allocate } = KernelCore.prototype
  let asked = 0
  KernelCore.prototype.allocate = function (sizeBytes) {
    return ++asked > count ? 0 : allocate.call(this, sizeBytes)
  }
  try {
    run()
  } finally {
    KernelCore.prototype.allocate = allocate
  }
  return asked
}

function append(
  host: SyncHost,
  partition: number,
  batch: ProducerInstance & { baseSequence: number; isTransactional: boolean },
) {
  const { producerId, producerEpoch, baseSequence, isTransactional } = batch
  const records = [{ key: null, value: `${baseSequence}`, timestamp: undefined, headers: undefined }]
  const request = { topic: 't', partition, acks: 'all' as const, producerEpoch, baseSequence, records }
  host.ask((done) => ({ kind: 'append', producerId, request, isTransactional, done }))
}

const offsetsOf = (count: number) =>
  Array.from({ length: count }, (_, partition) => ({ topicId: TOPIC_ID, partition, nextOffset: 1 }))

const plain = { producerEpoch: 0, isTransactional: false }

/** A log whose indexes are in files. */
function closed(): SyncHost {
  const before = fresh({ 'index.interval.bytes': 0 })
  before.ask<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount: PARTITIONS, done }))
  before.createTopic(OLD_ID, 'old', 1, {})
  const first = before.openProducer()
  for (const partition of [0, 1, 2]) {
    for (const baseSequence of [0, 1]) append(before, partition, { ...plain, producerId: first, baseSequence })
  }
  for (let group = 0; group < GROUPS; group++) {
    before.ask<void>((done) => ({ kind: 'setOffsets', groupId: `g${group}`, offsets: offsetsOf(3), done }))
  }
  before.close()
  return before
}

/** It is opened again, and has a transaction open, and a record that is locked for a share group. */
function prepared(before: SyncHost) {
  const host = afterCrash(before, 'all')
  const instance = host.ask<ProducerInstance>((done) => ({ kind: 'initTransactionalProducer', ...transactional, done }))
  host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
  for (const partition of [1, 2]) append(host, partition, { ...instance, baseSequence: 0, isTransactional: true })
  const request = { topics: ['t'], maxOffsets: 1, lockMs: 60_000, startAt: 'earliest' as const }
  const ranges = host.ask<readonly AcquiredRange[]>((done) => {
    return { kind: 'acquireShare', member, request, release: () => {}, done }
  })
  // For these the files of the log's own topics, and of the transaction, are closed.
  const producerId = host.openProducer()
  for (let partition = 3; partition < PARTITIONS; partition++) {
    append(host, partition, { ...plain, producerId, baseSequence: 0 })
  }
  return { host, instance, range: ranges[0] as AcquiredRange }
}

const decisions: Readonly<Record<string, (story: ReturnType<typeof prepared>) => unknown>> = {
  'a producer id': ({ host }) => host.openProducer(),
  'a topic': ({ host }) => host.createTopic(MADE_ID, 'made', 3, {}),
  'more partitions': ({ host }) =>
    host.ask<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount: GROWN, done })),
  'a config': ({ host }) =>
    host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes: { 'retention.ms': 1 }, done })),
  'the end of a topic': ({ host }) => host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'old', done })),
  'deleted records': ({ host }) =>
    host.ask<readonly number[]>((done) => {
      return { kind: 'deleteRecords', at: [{ topic: 't', partition: 0, beforeOffset: 1 }], done }
    }),
  'offsets of a group': ({ host }) =>
    host.ask<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets: offsetsOf(3), done })),
  'the end of a group': ({ host }) => host.ask<void>((done) => ({ kind: 'deleteGroup', groupId: 'g1', done })),
  'a transactional id': ({ host }) =>
    host.ask<ProducerInstance>((done) => {
      return { kind: 'initTransactionalProducer', transactionalId: 'another', timeoutMs: 1000, done }
    }),
  'a commit': ({ host, instance }) =>
    host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'commit', done })),
  'an abort': ({ host, instance }) =>
    host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'abort', done })),
  'a fence': ({ host }) =>
    host.ask<ProducerInstance>((done) => ({ kind: 'fenceProducer', transactionalId: 'id', done })),
  'an acknowledgement': ({ host, range }) =>
    host.ask<void>((done) => {
      return { kind: 'acknowledgeShare', member, request: { ...range, type: 'accept', delayMs: 0 }, done }
    }),
}

const TABLES = [CATALOGUE_TOPIC, OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARES_TOPIC]

/** How far the log's own topics reach, and the partitions of the transaction. */
function ends({ engine }: SyncHost): readonly number[] {
  const own = TABLES.map((name) => engine.topics.partition(name, 0))
  const partitions = [...own, ...[0, 1, 2].map((partition) => engine.topics.partition('t', partition))]
  return partitions.map(({ partition }) => partition.watermarks.nextOffset)
}

for (const [what, decision] of Object.entries(decisions)) {
  test(`${what} is decided though no allocation is granted any more`, () => {
    const before = closed()
    for (let count = 0, asked = 1; asked > count; count++) {
      const story = prepared(before)
      const { host } = story
      asked = refusingAfter(count, () => decision(story))
      refusingAfter(0, () => host.close())
      assert.equal(ends(afterCrash(host, 'none')), ends(host), `after ${count} allocations`)
    }
  })
}

test('a decision that is larger than what is set aside gets the memory of tails', () => {
  const { host, instance } = prepared(closed())
  const groupId = 'g'.repeat(1500)
  const generation = host.join(groupId, 'm', ['t'])
  const request = { groupId, memberId: 'm', generation, offsets: offsetsOf(PARTITIONS) }
  host.ask<void>((done) => ({ kind: 'sendOffsets', instance, request, done }))
  const { allocate, free } = KernelCore.prototype
  let freed = 0
  KernelCore.prototype.free = function (address) {
    freed++
    free.call(this, address)
  }
  KernelCore.prototype.allocate = function (sizeBytes) {
    return freed === 0 ? 0 : allocate.call(this, sizeBytes)
  }
  try {
    host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'commit', done }))
  } finally {
    Object.assign(KernelCore.prototype, { allocate, free })
  }
  assert.ok(freed > 0)
  host.close()
}, ['rows'])

test.run()
