// An open after an unclean end that finds the disk full, and goes on with the reserve, tells all that it did before.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const SEGMENT = '00000000000000000000.log'

function put(disk: VirtualDisk, path: string, bytes: Uint8Array, position = 0): void {
  const file = disk.open(path, { create: true })
  file?.write(bytes, position)
  file?.close()
}

/** Two partitions with torn ends, the second one longer than the room that the first one gives back, and one of a topic that the log knows nothing of. */
function left(): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 't', 2, {})
  const producerId = host.openProducer()
  for (const partition of [0, 1]) {
    const place = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence: 0, acks: 'all' as const }
    host.send({ ...place, values: ['x'.repeat(3000)] })
    host.settle()
  }
  const disk = host.storage.image(new Random(1), 'kill')
  for (const partition of [0, 1]) {
    const path = `t-${partition}/${SEGMENT}`
    const file = disk.open(path, { create: false })
    const sizeBytes = file?.size() ?? 0
    file?.close()
    put(disk, path, new Uint8Array(5000 + partition * 15_000).fill(7), sizeBytes)
  }
  put(disk, `stray-0/${SEGMENT}`, new Uint8Array(10).fill(1))
  return disk.image(new Random(1), 'kill')
}

function told(disk: VirtualDisk) {
  const { damage, setAsideBytes, setAsideFiles } = new SyncHost(disk).open()
  return { damage, setAsideBytes, files: setAsideFiles.map((path) => path.slice(path.indexOf('.'))) }
}

test('all that was set aside and found, at whichever write the disk was full', () => {
  const wanted = told(left())
  assert.is(wanted.files.length, 2)
  let refused = 0
  for (let freeBytes = 0; freeBytes < 32_000; freeBytes += 2000) {
    const disk = left()
    disk.freeBytes = freeBytes
    assert.equal(told(disk), wanted, `${freeBytes} bytes free`)
    refused += disk.refusedWrites
  }
  assert.ok(refused > 0)
})

test('what was set aside is told once, also where there is no room to cut it', () => {
  const wanted = told(left())
  for (const directory of ['t-0', 't-1']) {
    const disk = left()
    disk.faults = new DiskFaults([{ kind: 'truncate', effect: 'full', at: 1, path: `${directory}/` }])
    assert.equal(told(disk), wanted, directory)
    assert.is(disk.faults.struck, 1)
  }
})

test.run()
