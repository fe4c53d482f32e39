// The header stands twice in each of its two places: damage to one sector takes no header away.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FRAME_ALIGNMENT, HEADER_FILE, SECTOR_BYTES } from '../../../bindings/log/journal/layout.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const SECTORS = [0, SECTOR_BYTES, FRAME_ALIGNMENT, FRAME_ALIGNMENT + SECTOR_BYTES]

for (const isClean of [true, false]) {
  test(`whichever sector of the header is damaged, a log ${isClean ? 'that was closed' : 'of a killed process'} opens as if none were`, () => {
    const host = new SyncHost(new VirtualDisk())
    host.open()
    host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
    const request = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
    host.send({ ...request, values: ['x'], acks: 'all' })
    host.settle()
    if (isClean) host.close()
    for (const position of SECTORS) {
      const disk = host.storage.image(new Random(1), 'kill')
      disk.spoil(HEADER_FILE, position, new Uint8Array(SECTOR_BYTES).fill(0xff))
      const opened = new SyncHost(disk)
      const { clean, damage, readOnly } = opened.open()
      assert.equal([clean, damage, readOnly], [isClean, [], []], `sector at ${position}`)
      assert.equal(
        opened.fetchAll('t', 0).map(({ value }) => value),
        ['x'],
      )
      opened.discard()
    }
  })
}

test.run()
