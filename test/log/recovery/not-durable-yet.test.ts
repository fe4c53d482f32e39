// What a process that was killed left visible and not durable, and a power failure in the open that follows.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readCheckpoints } from '../../../bindings/log/checkpoint/checkpoint-file.ts'
import { slotOf } from '../../../bindings/log/journal/header.ts'
import { HEADER_FILE } from '../../../bindings/log/journal/layout.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { beforeEachOperation } from '../../simulation/crash-everywhere.ts'
import { runNow } from '../support.ts'

const SEEDS = 10
const kernel = newKernel()

function opened(disk: VirtualDisk): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

function filled(): SyncHost<VirtualDisk> {
  const host = opened(new VirtualDisk())
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  host.send({ ...place, values: ['a', 'b', 'c'], acks: 'all' })
  host.settle()
  return host
}

/** Killed in the close, before the last flush of a file whose path begins like this. */
function killedBeforeFlush(path: string): VirtualDisk {
  const host = filled()
  let killed: VirtualDisk | undefined
  host.storage.watch = (_operation, kind, target) => {
    if (kind === 'flush' && target.startsWith(path)) killed = host.storage.image(new Random(1), 'kill')
  }
  host.close()
  assert.ok(killed)
  return killed
}

function newestCheckpoint(disk: VirtualDisk): number {
  return runNow(readCheckpoints(disk, kernel, undefined))[0]?.record.sequence ?? -1
}

test('a checkpoint that was never flushed stays, once a recovery has copied it, wherever the next ones end', () => {
  const disk = killedBeforeFlush('checkpoint/')
  const newest = newestCheckpoint(disk)
  const copied: VirtualDisk[] = []
  const keep = () => {
    if (newestCheckpoint(disk.image(new Random(1), 'none')) === newest) copied.push(disk.image(new Random(1), 'kill'))
  }
  beforeEachOperation(disk, keep, () => opened(disk))
  assert.ok(copied.length > 0)
  for (const again of copied) {
    const look = (operation: number) => {
      for (let seed = 1; seed <= SEEDS; seed++)
        assert.ok(newestCheckpoint(again.image(new Random(operation * 100 + seed), 'mixed')) >= newest, `seed ${seed}`)
    }
    beforeEachOperation(again, look, () => opened(again))
  }
})

/** Killed in the recovery after it was killed before, before the flush of its own header. */
function killedInRecovery(): VirtualDisk {
  const disk = filled().storage.image(new Random(1), 'kill')
  let killed: VirtualDisk | undefined
  disk.watch = (_operation, kind, path) => {
    if (kind === 'flush' && path === HEADER_FILE) killed = disk.image(new Random(1), 'kill')
  }
  opened(disk)
  assert.ok(killed)
  return killed
}

const HEADERS: Record<string, () => VirtualDisk> = {
  'a close': () => killedBeforeFlush(HEADER_FILE),
  'a recovery': killedInRecovery,
}

// A power failure may take every sector that a write touched since the last flush.
for (const [whose, left] of Object.entries(HEADERS)) {
  test(`the header of ${whose} is flushed before an open writes over the one before it`, () => {
    const disk = left()
    let lost: VirtualDisk | undefined
    disk.watch = (_operation, kind, path, range) => {
      if (lost !== undefined || kind !== 'write' || path !== HEADER_FILE || range === undefined) return
      lost = disk.image(new Random(1), 'none')
      const { position, lengthBytes } = range
      for (const slot of [slotOf(0), slotOf(1)])
        if (slot === position || !disk.isDurable(path, slot, lengthBytes))
          lost.spoil(path, slot, new Uint8Array(lengthBytes).fill(7))
    }
    opened(disk)
    assert.ok(lost)
    assert.is(opened(lost).fetchAll('t', 0).length, 3)
  })
}

// Its own frames have been written over those that the recovery had read.
test('the first checkpoint after a recovery goes to another place than that of the recovery', () => {
  const disk = filled().storage.image(new Random(1), 'kill')
  const host = opened(disk)
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0 }
  for (const baseSequence of [0, 1, 2]) host.send({ ...place, baseSequence, values: ['d'], acks: 'all' })
  host.settle()
  let torn: VirtualDisk | undefined
  disk.watch = (_operation, kind, path) => {
    if (torn !== undefined || kind !== 'write' || !path.startsWith('checkpoint/')) return
    torn = disk.image(new Random(1), 'none')
    if (torn.list('checkpoint').includes(path.slice('checkpoint/'.length)))
      torn.spoil(path, 0, new Uint8Array(512).fill(7))
  }
  host.close()
  assert.ok(torn)
  assert.is(opened(torn).fetchAll('t', 0).length, 6)
})

test.run()
