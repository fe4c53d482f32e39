// An open after an unclean end is refused before it has aborted the transactions that were open then: the next open has
// to.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { opened } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const OFFSETS = '__consumer_offsets-0/00000000000000000000.log'
/** In a record of it, and not in its last sector. */
const FLIPPED_AT = 200

function flip(disk: VirtualDisk): void {
  const file = disk.open(OFFSETS, { create: false })
  assert.ok(file && file.size() > FLIPPED_AT + 512)
  const byte = new Uint8Array(1)
  file.read(byte, FLIPPED_AT)
  file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), FLIPPED_AT)
  assert.is(file.flush(), undefined)
  file.close()
}

test('a transaction that a crash cut short is not taken as whole by the open after one that was refused', () => {
  const first = opened(new VirtualDisk())
  first.createTopic(TOPIC_ID, 't', 1, {})
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 0 }]
  for (let count = 0; count < 12; count++)
    first.ask<void>((done) => ({ kind: 'setOffsets', groupId: `group ${count}`, offsets, done }))
  const { instance } = new TransactionalClient(first, 'id').init().begin()
  new TransactionalClient(first, 'id').as(instance).send('t', 0, 'kept')
  first.close()
  const second = opened(first.storage.reopened())
  second.ask((done) => {
    const records = [{ key: null, value: 'lost', timestamp: undefined, headers: undefined }]
    const { producerId, producerEpoch } = instance
    const request = { topic: 't', partition: 0, acks: 'all' as const, producerEpoch, baseSequence: 1, records }
    return { kind: 'append', producerId, request, isTransactional: true, done }
  })
  const disk = second.storage.image(new Random(1), 'none')
  flip(disk)
  refuses('CORRUPT_MESSAGE', () => opened(disk))
  const mended = disk.reopened()
  flip(mended)
  const last = opened(mended)
  const client = new TransactionalClient(last, 'id').as(instance)
  refuses('TRANSACTION_ABORTABLE', () => client.end('commit'))
  assert.equal(last.fetchAll('t', 0), [])
})

test.run()
