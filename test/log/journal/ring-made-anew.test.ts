// A first ring file of the wrong size is made anew after the recovery's checkpoint, or after a clean close, and
// whatever comes in between leaves a log that opens.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readHeader, slotOf } from '../../../bindings/log/journal/header.ts'
import { HEADER_FILE, RESERVE_FILE, ringFile, SECTOR_BYTES } from '../../../bindings/log/journal/layout.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const TOPIC = 't'
const RECORDS = 6
const SIZES = [0, RING_FILE_BYTES / 2, RING_FILE_BYTES - 1, RING_FILE_BYTES + 1, 3 * RING_FILE_BYTES]

function send(host: SyncHost<VirtualDisk>, producerId: number, baseSequence: number): void {
  const request = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence, acks: 'all' as const }
  const asked = host.send({ ...request, values: [`${baseSequence}`] })
  host.settle()
  assert.ok(asked.answered && asked.error === undefined)
}

/**
 * Killed with everything covered by its checkpoint, and then its first ring file got another size. No reserve is left.
 */
function harmedDisk(sizeBytes: number): VirtualDisk {
  const first = new SyncHost(new VirtualDisk())
  first.open()
  first.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = first.openProducer()
  for (let sequence = 0; sequence < RECORDS; sequence++) send(first, producerId, sequence)
  first.close()
  const second = new SyncHost(first.storage.reopened())
  assert.ok(second.open().clean)
  const disk = second.storage.image(new Random(1), 'kill')
  resize(disk, ringFile(0), sizeBytes)
  resize(disk, RESERVE_FILE, 0)
  return disk
}

function resize(disk: VirtualDisk, path: string, sizeBytes: number): void {
  const file = disk.open(path, { create: false })
  assert.ok(file)
  file?.truncate(sizeBytes)
  assert.not.instance(file?.flush(), Promise)
}

function sizeOf(disk: VirtualDisk, path: string): number | undefined {
  return disk.open(path, { create: false })?.size()
}

function assertWhole(disk: VirtualDisk, why: string): void {
  const host = new SyncHost(disk)
  const { readOnly, damage } = host.open()
  assert.equal(readOnly, [], why)
  // It can't know that its frames were covered.
  for (const { file } of damage) assert.is(file, ringFile(0), why)
  assert.is(host.fetchAll(TOPIC, 0).length, RECORDS, why)
  for (const index of [0, 1]) assert.is(sizeOf(disk, ringFile(index)), RING_FILE_BYTES, why)
  const producerId = host.openProducer()
  send(host, producerId, 0)
  host.close()
  const next = new SyncHost(disk.reopened())
  assert.ok(next.open().clean, why)
  assert.is(next.fetchAll(TOPIC, 0).length, RECORDS + 1, why)
  next.close()
}

for (const sizeBytes of SIZES) {
  test(`${sizeBytes} bytes: a full disk refuses each open, and the first one with room opens`, () => {
    for (const freeBytes of [0, 1, 600, 4096, RING_FILE_BYTES / 2, RING_FILE_BYTES - 1]) {
      const disk = harmedDisk(sizeBytes)
      disk.freeBytes = freeBytes
      for (let attempt = 0; attempt < 3; attempt++) {
        const host = new SyncHost(disk.reopened())
        try {
          host.open()
          host.close()
        } catch (error) {
          assert.ok(LogError.is(error, 'STORAGE_FULL'), `${error}`)
        }
        disk.freeBytes = host.storage.freeBytes
      }
      const roomy = disk.reopened()
      roomy.freeBytes = Number.POSITIVE_INFINITY
      assertWhole(roomy, `${freeBytes} bytes free`)
    }
  })

  for (const mode of ['kill', 'all', 'mixed'] as const) {
    for (const freeBytes of [1000, Number.POSITIVE_INFINITY]) {
      test(`${sizeBytes} bytes, ${freeBytes} free: a crash (${mode}) at every operation of the open leaves a log that opens`, () => {
        const disk = harmedDisk(sizeBytes)
        disk.freeBytes = freeBytes
        const images: VirtualDisk[] = []
        disk.watch = () => images.push(disk.image(new Random(images.length), mode))
        const host = new SyncHost(disk)
        try {
          host.open()
        } catch (error) {
          assert.ok(LogError.is(error, 'STORAGE_FULL'), `${error}`)
        }
        assert.ok(images.length > 8, `${images.length} operations`)
        for (const [index, image] of images.entries()) assertWhole(image, `operation ${index + 1}`)
      })
    }
  }
}

/** Closed, with one file of the ring, which then got another size or went. */
function closedDisk(sizeBytes: number | 'missing'): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  for (let sequence = 0; sequence < RECORDS; sequence++) send(host, producerId, sequence)
  host.close()
  const disk = host.storage.reopened()
  assert.is(sizeOf(disk, ringFile(1)), undefined)
  if (sizeBytes === 'missing') disk.remove(ringFile(0))
  else resize(disk, ringFile(0), sizeBytes)
  return disk.image(new Random(1), 'kill')
}

for (const sizeBytes of ['missing', ...SIZES] as const) {
  test(`closed, ${sizeBytes} bytes: the checkpoint has every record, so the log opens and tells`, () => {
    const verified = runNow(verifyDirectory(closedDisk(sizeBytes), newKernel(), () => {}))
    const host = new SyncHost(closedDisk(sizeBytes))
    const { clean, damage } = host.open()
    assert.equal({ clean, damage: damage.map(({ file }) => file) }, { clean: false, damage: [ringFile(0)] })
    assert.equal(verified.damage, damage)
    host.close()
    assertWhole(closedDisk(sizeBytes), 'with writes after it')
  })

  for (const mode of ['kill', 'all', 'mixed'] as const) {
    test(`closed, ${sizeBytes} bytes: a crash (${mode}) at every operation of the open leaves a log that opens`, () => {
      const disk = closedDisk(sizeBytes)
      const images: VirtualDisk[] = []
      disk.watch = () => images.push(disk.image(new Random(images.length), mode))
      new SyncHost(disk).open()
      for (const [index, image] of images.entries()) assertWhole(image, `operation ${index + 1}`)
    })
  }
}

test('closed, and the place of the next header damaged too: it may have been in use since, so it is refused', () => {
  const disk = closedDisk(0)
  const file = disk.open(HEADER_FILE, { create: false })
  assert.ok(file)
  const { header } = readHeader(file, newKernel())
  file.write(new Uint8Array(SECTOR_BYTES * 2).fill(7), slotOf((header?.sequence ?? 0) + 1))
  const host = new SyncHost(disk)
  assert.throws(
    () => host.open(),
    (error: unknown) => LogError.is(error, 'CORRUPT_LOG') && /put it back/.test(error.message),
  )
})

test('a log without its first ring file is refused, and keeps the others: what is missing may be put back', () => {
  const disk = harmedDisk(RING_FILE_BYTES)
  disk.remove(ringFile(0))
  const host = new SyncHost(disk)
  assert.throws(
    () => host.open(),
    (error: unknown) => LogError.is(error, 'CORRUPT_LOG'),
  )
  assert.is(sizeOf(disk.reopened(), ringFile(1)), RING_FILE_BYTES)
})

test.run()
