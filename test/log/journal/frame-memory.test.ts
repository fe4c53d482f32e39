// A frame lies in the kernel's memory, which moves when it grows. Effects that were issued before that of a frame run
// first, and may have it grow: a checkpoint's or a compaction's. Of a view that was made before nothing is left then,
// and a write of nothing succeeds: the frame was acknowledged and missing, and the next open found a gap.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import type { KernelBuffer } from '../../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { Journal } from '../../../bindings/log/journal/journal.ts'
import { scanJournal } from '../../../bindings/log/journal/scan.ts'
import { createJournal } from '../../../bindings/log/store/create-journal.ts'
import type { Effect } from '../../../bindings/storage/effect.ts'
import { SIMULATED_SIZES } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'

const GROWTH_BYTES = 4 << 20
const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partition: 0 }

for (const isAwaited of [true, false]) {
  test(`a frame that is ${isAwaited ? '' : 'not '}awaited is written whole, though the kernel's memory moves first`, () => {
    const kernel = createKernel(loadKernelModule(), { capBytes: 16 << 20 })
    const disk = new VirtualDisk()
    const options = { ...SIMULATED_SIZES, ringFilesUsual: 2, ringFilesMax: 2, random: () => 0.5 }
    const { header } = runNow(createJournal({ store: disk, kernel, options }))
    const journal = runNow(
      Journal.open({ store: disk, kernel, observer: undefined }, { header, coveredSequence: 0, needsRing: true }),
    )
    journal.beginFrame()
    journal.frame.ceiling(ID, 7)
    const writing = journal.writeFrame({ isAwaited })
    const { value: issued } = writing.next()
    const { buffer } = (kernel.allocate(1) as KernelBuffer).bytes(0, 1)
    kernel.allocate(GROWTH_BYTES)
    assert.is(buffer.byteLength, 0, 'the memory has moved')
    assert.not.instance((issued as Effect).run(), Promise)
    assert.equal(writing.next(), { done: true, value: 1 })
    const { frames } = runNow(scanJournal(disk, kernel, { ...header, coveredSequence: 0 }))
    assert.equal(
      frames.map(({ entries }) => entries),
      [[{ kind: 'ceiling', ...ID, ceiling: 7 }]],
    )
    journal.close()
  })
}

test.run()
