// A recovery that fails leaves no kernel memory in use: on a full disk it is run once more, within the same cap.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Engine } from '../../../bindings/engine/engine.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { DiskFaults, type FaultableKind } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const RING = { ringFileBytes: RING_FILE_BYTES, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8 }

/** Killed with batches of several producers that frames hold, and of large ones that extents name. */
function killedDisk(): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 2, {})
  for (let count = 0; count < 4; count++) {
    const producerId = host.openProducer()
    for (const [baseSequence, size] of [100, 6000].entries()) {
      const request = { topic: 't', partition: count % 2, producerId, producerEpoch: 0, baseSequence }
      host.send({ ...request, values: ['x'.repeat(size)], acks: 'all' })
      host.settle()
    }
  }
  return host.storage.image(new Random(1), 'kill')
}

/** Answers whether the open failed. */
function leavesNothing(disk: VirtualDisk, name: string): boolean {
  const kernel = newKernel()
  const before = kernel.memory.usedBytes
  const options = { ...RING, openFilesMax: 64, observer: undefined, random: () => 0.5 }
  const { store } = new Engine({
    ceilingBlock: 8,
    transactionBufferBytes: 16384,
    compose: (source) => {
      const store = new FilePartitionStore(disk, kernel, source, options)
      return { store, factory: new PartitionFactory(kernel, store, 0, store.scratch) }
    },
  })
  try {
    runNow(store.open())
    runNow(store.close())
    return false
  } catch (error) {
    assert.ok(LogError.is(error), String(error))
    assert.is(kernel.memory.usedBytes - before, 0, name)
    return true
  }
}

for (const kind of ['write', 'create', 'flush'] as const satisfies readonly FaultableKind[]) {
  test(`whichever ${kind} of an open fails`, () => {
    const killed = killedDisk()
    let failures = 0
    for (let at = 1; ; at++) {
      const disk = killed.image(new Random(at), 'kill')
      disk.faults = new DiskFaults([{ kind, effect: 'error', at, isSticky: true }])
      if (!leavesNothing(disk, `${kind} ${at}`)) break
      failures++
    }
    assert.ok(failures > 0)
  })
}

test.run()
