// A partition that reads as the checkpoint noted it isn't synced by the recovery that finds it so. An earlier recovery
// may have written its last sector again without a sync: that must not be forgotten at a clean close.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoredFiles } from '../../bindings/log/stored-files/stored-files.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { CrashSignal, VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { replace } from './fault-tools.ts'

const LOG_FILE = 't-0/00000000000000000000.log'
const VALUES = ['a', 'b', 'c']

/** A log that died after a checkpoint, its last sector torn as a later write could have left it. */
function tornDisk(): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const producerId = host.openProducer()
  host.send({ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values: VALUES, acks: 'all' })
  host.settle()
  const again = new SyncHost(imageOf(host.storage, 'none'))
  again.open()
  const disk = imageOf(again.storage, 'none')
  const file = disk.open(LOG_FILE, { create: false })
  assert.ok(file)
  file.write(new Uint8Array(40).fill(0xee), file.size() - 40)
  assert.is(file.flush(), undefined)
  file.close()
  return disk
}

function imageOf(disk: VirtualDisk, mode: ImageMode): VirtualDisk {
  return disk.image(new Random(1), mode)
}

function opened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

/** Crashes the recovery before each of its operations, opens and closes without a send, loses the power, reads. */
function lostAt(): readonly number[] {
  const lost: number[] = []
  const torn = tornDisk()
  const whole = imageOf(torn, 'all')
  opened(whole)
  for (let operation = 1; operation <= whole.operations; operation++) {
    const disk = imageOf(torn, 'all')
    disk.crashAt = operation
    try {
      new SyncHost(disk).open()
    } catch (error) {
      if (!(error instanceof CrashSignal)) throw error
    }
    const second = opened(imageOf(disk, 'kill'))
    const seen = second.fetchAll('t', 0)
    second.close()
    assert.is(seen.length, VALUES.length)
    const third = new SyncHost(imageOf(second.storage, 'none'))
    third.open()
    const isWhole = () => third.fetchAll('t', 0).length === VALUES.length
    if (!attempt(isWhole)) lost.push(operation)
  }
  return lost
}

function attempt(work: () => boolean): boolean {
  try {
    return work()
  } catch {
    return false
  }
}

test('what an earlier recovery put back is durable by the next clean close', () => {
  assert.equal(lostAt(), [])
})

test('planted: without the sync it is lost', () => {
  const mend = replace(StoredFiles.prototype, 'proveNext', () => () => {})
  try {
    assert.ok(lostAt().length > 0)
  } finally {
    mend()
  }
})

test.run()
