// A power failure during a roll leaves a later segment without a whole batch. Recovery removes it, and a kill comes
// before the directory is synced. The next recovery has nothing to do, and the log is closed cleanly. Another power
// failure must not bring the name back then: a clean open would take the partition for newer than its checkpoint.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../../bindings/testkit/simulation/image.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { CrashSignal, VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const LATER = 't-0/00000000000000000005.log'

/** What is there after a kill, or after a power failure: `all` or `none` of what wasn't synced. */
function after(mode: ImageMode, disk: VirtualDisk): VirtualDisk {
  return disk.image(new Random(1), mode)
}

function opened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

/** A log in use, whose partition lies as the last close left it but for a later segment with zeros. */
function diskWithLaterSegment(): VirtualDisk {
  const host = opened(new VirtualDisk())
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  host.send({ ...place, values: ['a', 'b', 'c'], acks: 'all' })
  host.settle()
  host.close()
  const disk = after('none', opened(after('none', host.storage)).storage)
  const file = disk.open(LATER, { create: true })
  file?.write(new Uint8Array(40), 0)
  return after('all', disk)
}

/** The recovery is killed at this operation; `undefined` if it was done before. */
function killedAt(operation: number, disk: VirtualDisk): VirtualDisk | undefined {
  disk.crashAt = operation
  try {
    opened(disk)
    return undefined
  } catch (error) {
    if (!(error instanceof CrashSignal)) throw error
    return after('kill', disk)
  }
}

test('wherever the recovery that removed a later segment is killed, its name is gone for good after a clean close', () => {
  const rolled = diskWithLaterSegment()
  let removed = 0
  for (let operation = 1; ; operation++) {
    const killed = killedAt(operation, after('all', rolled))
    if (killed === undefined) break
    if (!killed.list('t-0').includes(LATER.slice('t-0/'.length))) removed++
    const host = opened(killed)
    host.close()
    opened(after('none', host.storage))
  }
  assert.ok(removed > 0)
})

test.run()
