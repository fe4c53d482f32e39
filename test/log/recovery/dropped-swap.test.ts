// A recovery drops a rewritten segment that no checkpoint notes, and the next checkpoint makes that durable: after a
// clean close nobody would look for it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const SWAP = '00000000000000000000.log.swap'

function opened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

function hasSwap(disk: VirtualDisk): boolean {
  return disk.list('t-0').includes(SWAP)
}

test('a rewritten segment that a recovery dropped is gone for good after a clean close', () => {
  const before = opened(new VirtualDisk())
  before.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const place = { topic: 't', partition: 0, producerId: before.openProducer(), producerEpoch: 0, baseSequence: 0 }
  before.send({ ...place, values: ['a'], acks: 'all' })
  before.settle()
  before.close()
  const { storage } = opened(before.storage.image(new Random(1), 'none'))
  storage.open(`t-0/${SWAP}`, { create: true })
  const recovered = opened(storage.image(new Random(1), 'all'))
  assert.not.ok(hasSwap(recovered.storage))
  recovered.close()
  assert.not.ok(hasSwap(recovered.storage.image(new Random(1), 'none')))
})

test.run()
