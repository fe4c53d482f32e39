// Retention and compaction bring partitions into memory that nobody has used since the open. Where there is no memory
// for one, it waits for a later round, and the log goes on.
import * as assert from 'uvu/assert'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { atMemoryCap } from '../../bindings/log/partition/refusals.ts'
import type { ConfigChanges } from '../../bindings/model/topic-config.ts'
import type { StoredPartition } from '../../bindings/storage/stored-state.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { afterCrash, fresh, overStorages } from './transaction-hosts.ts'

const test = overStorages('upkeep at the cap of memory')

/** While it runs no partition of the topic finds memory. */
function atTheCap(topic: string, run: () => void): number {
  let refused = 0
  const { partition } = PartitionFactory.prototype
  PartitionFactory.prototype.partition = function (stored: StoredPartition) {
    if (stored.id.topic !== topic) return partition.call(this, stored)
    refused++
    throw atMemoryCap(stored.id, 'its producers')
  }
  try {
    run()
  } finally {
    PartitionFactory.prototype.partition = partition
  }
  return refused
}

function written(changes: ConfigChanges): SyncHost {
  const host = fresh({ 'segment.bytes': 1024 })
  const producerId = host.openProducer()
  for (let baseSequence = 0; baseSequence < 8; baseSequence++) {
    const place = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence }
    host.send({ ...place, values: ['x'.repeat(600)], acks: 'all' })
    host.settle()
  }
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  host.close()
  return afterCrash(host, 'all')
}

test('a partition that retention finds no memory for is looked at in a later round', () => {
  const host = written({ 'retention.bytes': 1024 })
  const refused = atTheCap('t', () => host.passTime(600_000))
  assert.ok(refused > 0, `${refused} times`)
  host.engine.assertOpen()
  host.passTime(600_000)
  assert.ok(host.engine.topics.partition('t', 0).partition.watermarks.logStartOffset > 0)
})

test('a partition that compaction finds no memory for is looked at in a later round', () => {
  const host = written({ 'cleanup.policy': 'compact' })
  const refused = atTheCap('t', () => host.passTime(60_000))
  assert.ok(refused > 0, `${refused} times`)
  host.engine.assertOpen()
}, ['files'])

test.run()
