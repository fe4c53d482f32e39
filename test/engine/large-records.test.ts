// Members of a group and open transactions are written as records too: more of them than a frame holds end no log.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
/** A frame holds sixteen thousand bytes. */
const PARTITIONS = 6000

function opened(disk = new VirtualDisk()): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

function sendOne(host: SyncHost<VirtualDisk>): void {
  const place = { topic: 'small', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  const sent = host.send({ ...place, values: ['the log goes on'], acks: 'all' })
  host.settle()
  assert.is(sent.error, undefined, String(sent.error))
}

test('a group whose members have thousands of partitions: it works, and its generations go on after a crash', () => {
  const host = opened()
  host.createTopic(TOPIC_ID, 't', PARTITIONS, {})
  host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'small', 1, {})
  const generation = host.join('g', 'm', ['t'])
  const [member] = host.engine.groups.describe('g')?.members ?? []
  assert.is(member?.assignment.length, PARTITIONS)
  const offsets = [{ topicId: TOPIC_ID, partition: PARTITIONS - 1, nextOffset: 0 }]
  const request = { groupId: 'g', memberId: 'm', generation, offsets }
  host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
  sendOne(host)
  const again = opened(host.storage.image(new Random(1), 'none'))
  assert.is(again.engine.groups.describe('g')?.generation, generation)
  assert.is(again.engine.groups.committed('g', TOPIC_ID, PARTITIONS - 1)?.nextOffset, 0)
  assert.is(again.join('g', 'm', ['t']), generation + 1)
  again.close()
  host.discard()
  again.discard()
})

test('a close with more open transactions than a frame holds is clean, and they go on after it', () => {
  const host = opened()
  host.createTopic(TOPIC_ID, 'small', 1, {})
  const ids = Array.from({ length: 40 }, (_, number) => `${number}`.padEnd(400, 'x'))
  const instances = ids.map((id) => {
    const client = new TransactionalClient(host, id).init().begin()
    client.send('small', 0, id)
    return client.instance
  })
  host.close()
  const again = new SyncHost(host.storage.reopened())
  assert.equal([again.open().damage, again.engine.report?.clean], [[], true])
  for (const [index, id] of ids.entries()) {
    const client = new TransactionalClient(again, id).as(instances[index]!)
    client.end(index % 2 === 0 ? 'commit' : 'abort')
  }
  assert.equal(
    again.fetchAll('small', 0).map(({ value }) => value),
    ids.filter((_, index) => index % 2 === 0),
  )
  again.close()
  host.discard()
  again.discard()
})

test.run()
