// Bytes past the end of a closed segment: they were acknowledged to nobody, so an open and its readers go by what
// checkpoint and frames say, `verify` reports their place, and a recovery that closes a segment leaves none.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'
import { runNow } from '../log/support.ts'

const FIRST = 't-0/00000000000000000000.log'
/** Two of the batches fit. */
const CONFIG = { 'segment.bytes': 1000 }
const GARBAGE = new Uint8Array(300).fill(7)

function filled(batches: number): SyncHost<VirtualDisk> {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 't', 1, CONFIG)
  const producerId = host.openProducer()
  for (let baseSequence = 0; baseSequence < batches; baseSequence++) {
    const values = ['x'.repeat(400)]
    host.send({ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence, values, acks: 'all' })
    host.settle()
  }
  return host
}

function sizeOf(disk: VirtualDisk): number {
  return disk.open(FIRST, { create: false })?.size() ?? 0
}

function append(disk: VirtualDisk, bytes: Uint8Array): number {
  const file = disk.open(FIRST, { create: false })!
  const end = file.size()
  file.write(bytes, end)
  return end
}

function batchAtStart(disk: VirtualDisk): Uint8Array {
  const bytes = new Uint8Array(sizeOf(disk) / 2)
  disk.open(FIRST, { create: false })?.read(bytes, 0)
  return bytes
}

function verified(disk: VirtualDisk): readonly unknown[] {
  return runNow(verifyDirectory(disk, newKernel(1 << 25), () => {})).damage
}

for (const [what, bytesOf] of [
  ['garbage', () => GARBAGE],
  ['a whole batch', batchAtStart],
] as const) {
  test(`${what} past the end of a closed segment: opens and readers see what was written, verify reports it`, () => {
    const host = filled(5)
    host.close()
    const disk = host.storage.reopened()
    const end = append(disk, bytesOf(disk))
    const [damage, ...others] = verified(disk)
    const place = { topic: 't', partition: 0, offset: undefined }
    assert.equal([damage, others], [{ file: FIRST, position: end, ...place, code: 'bytes past its end' }, []])
    for (const image of [disk, disk.image(new Random(1), 'kill')]) {
      const again = new SyncHost(image)
      const report = again.open()
      assert.equal([report.damage, report.readOnly], [[], []])
      assert.equal(
        again.fetchAll('t', 0).map(({ offset }) => offset),
        [0, 1, 2, 3, 4],
      )
    }
  })
}

test('a recovery that closes a segment sets aside and cuts what a torn write left past its end', () => {
  const disk = filled(5).storage.image(new Random(1), 'kill')
  const end = append(disk, GARBAGE)
  const host = new SyncHost(disk)
  const report = host.open()
  assert.equal([report.damage, report.setAsideBytes], [[], GARBAGE.length])
  assert.is(sizeOf(disk), end)
  host.close()
  assert.equal(verified(disk.reopened()), [])
})

test.run()
