// Once the header says that the log is in use its first two ring files are whole and durable: one that is short or
// missing tells of damage. A clean open counted as the second one what a crash had brought back as the third, beside a
// second one that was cut short; and it took a second one that an open which was killed had not flushed. A power
// failure after it left a log that was told to be damaged.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JOURNAL_DIRECTORY, ringFile } from '../../../bindings/log/journal/layout.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

/** Its ring is one file. */
function closedDisk(): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.close()
  return host.storage.reopened()
}

function makeRingFile(disk: VirtualDisk, index: number, sizeBytes: number): void {
  const file = disk.open(ringFile(index), { create: true })
  file?.truncate(sizeBytes)
  assert.not.instance(file?.flush(), Promise)
}

/** Opens it, with a power failure before each of its operations, and one after them. */
function assertSound(disk: VirtualDisk, why: string): void {
  const images: VirtualDisk[] = []
  disk.watch = () => images.push(disk.image(new Random(1), 'none'))
  const { damage } = new SyncHost(disk).open()
  images.push(disk.image(new Random(1), 'none'))
  assert.equal(damage, [], why)
  for (const [at, image] of images.entries()) {
    const opened = new SyncHost(image).open()
    assert.equal(opened.damage, [], `${why}, power failure at ${at}`)
  }
}

for (const sizeBytes of [0, RING_FILE_BYTES / 2, RING_FILE_BYTES + 1]) {
  test(`a second file of ${sizeBytes} bytes is made anew, though there is a third one`, () => {
    const disk = closedDisk()
    makeRingFile(disk, 1, sizeBytes)
    makeRingFile(disk, 2, RING_FILE_BYTES)
    disk.syncDirectory(JOURNAL_DIRECTORY)
    assertSound(disk, '')
    assert.is(disk.open(ringFile(1), { create: false })?.size(), RING_FILE_BYTES)
  })
}

test('an open is killed at each of its operations: what it left of the ring is durable before the log is in use', () => {
  const disk = closedDisk()
  const killed: VirtualDisk[] = []
  disk.watch = () => killed.push(disk.image(new Random(1), 'kill'))
  new SyncHost(disk).open()
  for (const [at, image] of killed.entries()) assertSound(image, `killed at ${at}`)
})

test.run()
