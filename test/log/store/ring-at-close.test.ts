// A clean close leaves one file of the ring (decision 010); the next open makes the second one, on a full disk too.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ringFile } from '../../../bindings/log/journal/layout.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const TOPIC = 't'

function ringsOf(disk: VirtualDisk): readonly string[] {
  return disk.list('journal').filter((name) => name.endsWith('.ring'))
}

/** A closed log whose ring had grown. */
function closedLog(): { readonly disk: VirtualDisk; readonly ringsBefore: number; readonly records: number } {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  const records = 24
  for (let baseSequence = 0; baseSequence < records; baseSequence++) {
    const request = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence, acks: 'all' as const }
    host.send({ ...request, values: ['x'.repeat(3000)] })
  }
  host.settle()
  const ringsBefore = ringsOf(host.storage).length
  host.close()
  return { disk: host.storage.image(new Random(1), 'kill'), ringsBefore, records }
}

function reopened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.ok(host.open().clean)
  return host
}

test('a closed log has one file of the ring, an open one two; every record is there', () => {
  const { disk, ringsBefore, records } = closedLog()
  assert.ok(ringsBefore > 2, `${ringsBefore} files`)
  assert.equal(ringsOf(disk), ['00000000.ring'])
  const verified = runNow(verifyDirectory(disk.image(new Random(1), 'kill'), newKernel(), () => {}))
  assert.equal(verified.damage, [])
  const host = reopened(disk)
  assert.is(ringsOf(host.storage).length, 2)
  assert.is(host.fetchAll(TOPIC, 0).length, records)
})

test('on a full disk the second file takes its room from the reserve, and the ring is kept until that is back', () => {
  const { disk } = closedLog()
  disk.freeBytes = 100
  const host = reopened(disk)
  assert.is(ringsOf(host.storage).length, 2)
  host.close()
  assert.is(ringsOf(host.storage.image(new Random(1), 'kill')).length, 2, 'no reserve')
})

test('files that a crash brought back after a missing one go at the next open', () => {
  const { disk } = closedLog()
  const file = disk.open(ringFile(4), { create: true })
  file?.truncate(RING_FILE_BYTES)
  file?.close()
  const verified = runNow(verifyDirectory(disk.image(new Random(1), 'kill'), newKernel(), () => {}))
  assert.equal(verified.damage, [])
  assert.equal(ringsOf(reopened(disk).storage), ['00000000.ring', '00000001.ring'])
})

test.run()
