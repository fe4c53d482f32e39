// A last segment that has become shorter than its noted end is damage, and takes nothing with it that frames hold.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RecoveryReport } from '../../../bindings/storage/recovery-report.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const NOTED = 't-0/00000000000000000000.log'
const FURTHER = 't-0/00000000000000000001.log'
const LEFT_BYTES = 600

/** A killed log: offset 0 is below the checkpoint, offset 1 in a frame. Of the segment little is left. */
function shortDisk(): VirtualDisk {
  const before = new SyncHost(new VirtualDisk())
  before.open()
  before.createTopic('AAAAAAAAAAAAAAAAAAAAtA', 't', 1, {})
  send(before, 'x'.repeat(2000))
  before.close()
  const host = new SyncHost(before.storage.reopened())
  host.open()
  send(host, 'acknowledged')
  const disk = host.storage.image(new Random(1), 'kill')
  const file = disk.open(NOTED, { create: false })
  file?.truncate(LEFT_BYTES)
  file?.close()
  return disk
}

function send(host: SyncHost, value: string): void {
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  const sent = host.send({ ...place, values: [value], acks: 'all' })
  host.settle()
  assert.ok(sent.answered)
  assert.is(sent.error, undefined)
}

function endOf({ partitions }: RecoveryReport): number | undefined {
  return partitions.find(({ topic }) => topic === 't')?.endOffset
}

function holds(disk: VirtualDisk, path: string, value: string): boolean {
  const file = disk.open(path, { create: false })
  const bytes = new Uint8Array(file?.size() ?? 0)
  file?.read(bytes, 0)
  file?.close()
  return new TextDecoder('latin1').decode(bytes).includes(value)
}

test('what was acknowledged after the noted end comes back from its frame, which is reused, at later opens too', () => {
  let disk = shortDisk()
  for (const open of ['first', 'second']) {
    const host = new SyncHost(disk)
    const report = host.open()
    const [damage] = report.readOnly.map((each) => each.damage)
    assert.is(damage?.file, NOTED, open)
    assert.is(damage?.position, LEFT_BYTES, open)
    assert.is(endOf(report), 2, open)
    assert.ok(holds(host.storage, FURTHER, 'acknowledged'), open)
    assert.is(host.storage.open(NOTED, { create: false })?.size(), LEFT_BYTES, open)
    disk = host.storage.image(new Random(2), 'kill')
  }
})

test.run()
