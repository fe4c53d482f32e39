// The last noted segment is empty and its file is gone. What frames hold begins a segment with the same first offset: in
// its place, and not beside it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAtA', topic: 't', partition: 0 }

/** A killed log without its only segment: the checkpoint notes it as empty, and a frame holds what came since. */
function diskWithoutSegment(): VirtualDisk {
  const before = new SyncHost(new VirtualDisk())
  before.open()
  before.createTopic(ID.topicId, 't', 1, { 'max.message.bytes': 500 })
  assert.ok(send(before, 'x'.repeat(1000)) !== undefined, 'it makes the partition and is refused')
  before.close()
  const host = new SyncHost(before.storage.reopened())
  host.open()
  assert.is(send(host, 'acknowledged'), undefined)
  const disk = host.storage.image(new Random(1), 'kill')
  disk.remove(SEGMENT)
  return disk
}

function send(host: SyncHost, value: string): unknown {
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  const sent = host.send({ ...place, values: [value], acks: 'all' })
  host.settle()
  assert.ok(sent.answered)
  return sent.error
}

test('it comes back from its frame, into one segment, at later opens too', () => {
  let disk = diskWithoutSegment()
  for (const open of ['first', 'second']) {
    const host = new SyncHost(disk)
    const [damage] = host.open().readOnly.map((each) => each.damage)
    assert.is(damage?.file, SEGMENT, open)
    assert.equal(
      host.fetchAll('t', 0).map(({ value }) => value),
      ['acknowledged'],
      open,
    )
    assert.equal(
      host.engine.store.ranges(ID).map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset]),
      [[0, 1]],
      open,
    )
    host.close()
    disk = host.storage.image(new Random(2), 'none')
  }
})

test.run()
