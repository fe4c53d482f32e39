// A recovery that fails leaves no kernel memory in use: on a full disk it is run once more, within the same cap.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Engine } from '../../../bindings/engine/engine.ts'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { RESERVE_FILE } from '../../../bindings/log/journal/layout.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { TopicConfig } from '../../../bindings/model/topic-config.ts'
import { DiskFaults, type FaultableKind } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const RING = { ringFileBytes: RING_FILE_BYTES, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8 }

/** Killed with batches of several producers that frames hold, and of large ones that extents name. */
function killedDisk(config: TopicConfig = {}, sizes: readonly number[] = [100, 6000]): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 2, config)
  for (let count = 0; count < 4; count++) {
    const producerId = host.openProducer()
    for (const [baseSequence, size] of sizes.entries()) {
      const request = { topic: 't', partition: count % 2, producerId, producerEpoch: 0, baseSequence }
      host.send({ ...request, values: ['x'.repeat(size)], acks: 'all' })
      host.settle()
    }
  }
  return host.storage.image(new Random(1), 'kill')
}

function composed(disk: VirtualDisk, kernel: Kernel): Engine {
  const options = { ...RING, openFilesMax: 64, observer: undefined, random: () => 0.5 }
  return new Engine({
    ceilingBlock: 8,
    transactionBufferBytes: 16384,
    compose: (source) => {
      const store = new FilePartitionStore(disk, kernel, source, options)
      return { store, factory: new PartitionFactory(kernel, store, 0, store.scratch) }
    },
  })
}

/** Answers whether the open failed. */
function leavesNothing(disk: VirtualDisk, name: string): boolean {
  const kernel = newKernel()
  const before = kernel.memory.usedBytes
  const { store } = composed(disk, kernel)
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

/** Kernel memory after an open with so much room; `isRefused`: whether it wasn't enough. */
function usedBy(killed: VirtualDisk, freeBytes: number): { usedBytes: number; isRefused: boolean } {
  const disk = killed.image(new Random(1), 'kill')
  disk.spacePath = RESERVE_FILE
  disk.freeBytes = freeBytes
  const kernel = newKernel()
  runNow(composed(disk, kernel).store.open())
  return { usedBytes: kernel.memory.usedBytes, isRefused: disk.refusedWrites > 0 }
}

test('an attempt that found the disk full keeps nothing beside the one that has the reserve', () => {
  const killed = killedDisk({ 'index.interval.bytes': 0 }, [100, 600])
  // Frames alone have the batches.
  for (const directory of ['t-0', 't-1']) {
    killed.open(`${directory}/${'0'.repeat(20)}.log`, { create: false })?.truncate(0)
  }
  const { usedBytes } = usedBy(killed, Number.POSITIVE_INFINITY)
  let refused = 0
  for (let freeBytes = 0; ; freeBytes += 512) {
    const used = usedBy(killed, freeBytes)
    if (!used.isRefused) break
    refused++
    assert.is(used.usedBytes, usedBytes, `with ${freeBytes} bytes`)
  }
  assert.ok(refused > 10, `${refused} times`)
})

test.run()
