// A listing reads the names of all segments: one listing for each segment made an open after a kill quadratic in them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'

/** After a kill: segments of one batch each, which no frame names. */
function killedWith(segments: number): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, { 'segment.bytes': 100 })
  const request = { topic: TOPIC, partition: 0, producerId: host.openProducer(), producerEpoch: 0, acks: 1 as const }
  for (let baseSequence = 0; baseSequence < segments; baseSequence++) {
    const asked = host.send({ ...request, baseSequence, values: [`${baseSequence}`] })
    host.settle()
    assert.ok(asked.answered && asked.error === undefined)
  }
  return host.storage.image(new Random(1), 'kill')
}

test('an opening after a kill lists a partition a few times, not once for each segment', () => {
  const segments = 12
  const disk = killedWith(segments)
  const host = new SyncHost(disk)
  let count = 0
  const list = disk.list.bind(disk)
  disk.list = (directory) => {
    if (directory === `${TOPIC}-0`) count++
    return list(directory)
  }
  host.open()
  assert.equal(
    host.fetchAll(TOPIC, 0).map(({ value }) => value),
    Array.from({ length: segments }, (_, index) => `${index}`),
  )
  assert.ok(count <= 4, `${count} listings`)
})

test.run()
