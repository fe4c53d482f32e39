// A frame may still hold batches that the checkpoint notes. A recovery brings back nothing below the noted end, so what
// is damaged there is told, though the frame has it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { readJournalRemains } from '../../../bindings/log/salvage/journal-remains.ts'
import { BatchScanner } from '../../../bindings/log/segment/batch-scanner.ts'
import { SCRATCH_BYTES } from '../../../bindings/log/segment/segment-context.ts'
import type { VerifyContext } from '../../../bindings/log/verify/verify-context.ts'
import { verifyPartition } from '../../../bindings/log/verify/verify-partition.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { batchesOf } from '../../salvage/batches.ts'
import { openImage } from '../../salvage/fixture.ts'

const kernel = createKernel(loadKernelModule(), { capBytes: 16 << 20 })
const image = new DirectoryImage()
const log = await openImage(image)
await log.admin.createTopic('t')
for (const value of ['a', 'b', 'c']) await log.producer().send({ topic: 't', value: value.repeat(300) })
await log.close()

const FILE = 't-0/00000000000000000000.log'
const remains = await runTask(readJournalRemains(image, kernel))
const noted = [...remains.noted.values()].find(({ segments }) => segments[0]?.nextOffset === 3)
const [first, second, third] = batchesOf(image).get('t-0') ?? []

/** The places that are told where a byte of `t` is damaged and a frame holds its first two or all of its batches. */
async function told(at: number, runEnd: number): Promise<readonly number[]> {
  assert.ok(noted && first && second && third)
  const damaged = image.fork()
  damaged.open(FILE, { create: false })?.write(Uint8Array.of(0xff), at)
  const bytes = (image.files.get(FILE)?.bytes() ?? new Uint8Array()).slice(0, runEnd)
  const damage: VerifyContext['damage'] = []
  const scratch = kernel.allocate(SCRATCH_BYTES)
  const scanner = new BatchScanner(kernel)
  assert.ok(scratch)
  const nothing = { ownEnd: undefined, undecided: [], progressed: () => {} }
  const context = { store: damaged, kernel, scanner, scratch, leaderEpoch: 9, damage, ...nothing }
  const place = { topicId: noted.topicId, partition: 0, segmentBaseOffset: 0, position: 0, maxTimestamp: 0 }
  const run = { kind: 'batches', baseOffset: 0, nextOffset: 3, lengthBytes: runEnd, bytes, ...place } as const
  const look = { directory: 't-0', noted, runs: [run], logStartOffset: 0, isUnclean: true }
  await runTask(verifyPartition(context, look))
  scratch.free()
  scanner.close()
  return damage.filter(({ file }) => file === FILE).map(({ position }) => position)
}

test('damage below the noted end is told, whatever a frame has', async () => {
  assert.ok(first && second && third)
  assert.equal(await told(first.position + 100, third.end), [first.position])
  assert.equal(await told(second.position + 100, third.end), [second.position])
})

test.run()
