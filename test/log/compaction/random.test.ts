// Small logs, compacted again and again, against what was written to them; a number as argument for more of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { restartKernel } from '../../../bindings/kernel/kernel-seams.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import type { PartitionSource } from '../../../bindings/storage/partition-source.ts'
import type { PartitionStore } from '../../../bindings/storage/partition-store.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { Random } from '../../kernel/support.ts'
import { CompactedLog, judge, judgeHeaders } from './harness.ts'

const FILES = { ringFileBytes: 16384, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, openFilesMax: 6 }

type StoreOf = (source: PartitionSource, kernel: Kernel) => PartitionStore

const rows: StoreOf = () => new MemoryRowStore()
const files: StoreOf = (source, kernel) => {
  return new FilePartitionStore(new VirtualDisk(), kernel, source, { ...FILES, random: () => 0.5 })
}

const OPTIONS = { capBytes: 16 << 20, codecs: nodeCodecs }
let used: Kernel | undefined

/** On the memory of the one before, whose log is gone. */
function newKernel(): Kernel {
  used = used === undefined ? createKernel(loadKernelModule(), OPTIONS) : restartKernel(used, OPTIONS)
  return used
}

function live(random: Random, storeOf: StoreOf): number {
  const kernel = newKernel()
  kernel.seedHash(Uint32Array.of(random.next(), random.next(), random.next(), random.next()))
  const options = {
    segmentBytes: random.pick([300, 600, 2000]),
    deleteRetentionMs: random.pick([0, 10, 100]),
    mapBytes: random.pick([0, 0, 1 << 16]),
  }
  const log = new CompactedLog(kernel, (source) => storeOf(source, kernel), options)
  const keys = 1 + random.below(random.pick([12, 60]))
  let passes = 0
  for (let step = 0; step < 60; step++) {
    log.now += random.below(8)
    const producerId = random.below(4) - 1
    const records = Array.from({ length: 1 + random.below(5) }, () => {
      const value = random.chance(0.25) ? null : `${step}-${'v'.repeat(random.below(30))}`
      return [`key-${random.below(keys)}`, value] as const
    })
    const compression = random.pick([undefined, undefined, 'gzip', 'snappy', 'lz4'] as const)
    if (producerId >= 0 && random.chance(0.3)) {
      if (log.isOpen(producerId)) log.endTransaction(producerId, random.chance(0.6))
      else log.append(producerId, true, records, compression)
    } else if (!log.isOpen(producerId)) log.append(producerId, false, records, compression)
    else if (random.chance(0.5)) log.append(producerId, true, records, compression)
    if (random.chance(0.3)) log.commit()
    if (!random.chance(0.15)) continue
    if (log.compact() !== undefined) passes++
    judge(log)
    judgeHeaders(log)
  }
  return passes
}

for (const [name, storeOf, runs] of [
  ['rows', rows, Number(process.argv[2] ?? 200)],
  ['files', files, Number(process.argv[2] ?? 60)],
] as const) {
  test(`a reader sees the newest record of each key, and all above what was cleaned: ${name}`, () => {
    let passes = 0
    for (let seed = 1; seed <= runs; seed++) {
      try {
        passes += live(new Random(seed), storeOf)
      } catch (error) {
        console.log(`seed ${seed} over ${name}`)
        throw error
      }
    }
    assert.ok(passes > runs, `${passes} passes in ${runs} logs`)
  })
}

test.run()
