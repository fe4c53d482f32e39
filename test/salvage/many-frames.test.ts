// A partition of which nothing is left but what frames hold, and they hold as many batches as a large ring has room for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FrameRun } from '../../bindings/log/journal/frame-entry.ts'
import { surveyPartition } from '../../bindings/log/salvage/partition-survey.ts'
import { BatchScanner } from '../../bindings/log/segment/batch-scanner.ts'
import { SCRATCH_BYTES } from '../../bindings/log/segment/segment-context.ts'
import { sealedBatch } from '../../bindings/storage/conformance/batches.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { newKernel } from '../kernel/support.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAABAA'
/** More than a call takes as arguments. */
const COUNT = 200_000

const kernel = newKernel(16 << 20)
const scratch = kernel.allocate(SCRATCH_BYTES)
assert.ok(scratch)
const { bytes: sealed, maxTimestamp } = sealedBatch({ baseOffset: 0 })
const nextDelta = new DataView(sealed.slice().buffer).getInt32(23) + 1

/** Each second one, so that every batch lies in a hole of its own. */
function run(index: number): FrameRun {
  const baseOffset = 2 * index * nextDelta
  const bytes = sealed.slice()
  new DataView(bytes.buffer).setBigInt64(0, BigInt(baseOffset))
  const place = { topicId: TOPIC_ID, partition: 0, segmentBaseOffset: 0, position: 0, maxTimestamp }
  return { kind: 'batches', baseOffset, nextOffset: baseOffset + nextDelta, lengthBytes: bytes.length, bytes, ...place }
}

test('all batches of two hundred thousand frames are found', async () => {
  const runs = Array.from({ length: COUNT }, (_, index) => run(index))
  const scanner = new BatchScanner(kernel)
  const nothing = { lostFrames: undefined, progressed: () => {}, leaderEpoch: 0 }
  const known = { directory: 't-0', noted: undefined, runs, logStartOffset: 0, hasCheckpoint: true, isCompacted: false }
  const found = await runTask(
    surveyPartition(
      { store: new DirectoryImage(), kernel, scanner, scratch: scratch as NonNullable<typeof scratch>, ...nothing },
      { ...known, isClosedWhole: true, isEndRestored: true, isOthers: false },
    ),
  )
  scanner.close()
  assert.equal([found.runs.length, found.holes], [COUNT, []])
})

test.run()
