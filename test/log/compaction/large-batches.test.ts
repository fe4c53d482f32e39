// A batch of very many records is compacted in many turns of the event loop, and between them others use the kernel.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { streamBatches } from '../../../bindings/log/compaction/batch-stream.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import type { Task } from '../../../bindings/storage/effect.ts'
import { newKernel } from '../../kernel/support.ts'
import { CompactedLog, ID, judge, judgeHeaders } from './harness.ts'

const RECORDS = 20_000
/** What the kernel lays out at once: some hundred microseconds of work. */
const RECORDS_A_TURN = 1024

/** The turns that a pass over one such batch takes, each of them followed by a reader's work in the same kernel. */
function turnsOf(writtenAs: (index: number) => string | null, keys: number): number {
  const kernel = newKernel()
  const options = { segmentBytes: 1e6, deleteRetentionMs: 10, mapBytes: 1 << 24 }
  const log = new CompactedLog(kernel, () => new MemoryRowStore(), options)
  log.append(
    1,
    false,
    Array.from({ length: RECORDS }, (_, index) => [`key-${index % keys}`, writtenAs(index)] as const),
  )
  log.append(1, false, [['behind', 'x']])
  log.commit()
  log.now += 10
  let turns = 0
  const passInTurns = <T>(task: Task<T>): T => {
    let step = task.next()
    while (step.done !== true) {
      if (!('kind' in step.value)) throw new Error('one effect at a time')
      if (step.value.kind === 'yield') {
        turns++
        log.stored()
      }
      step = task.next(step.value.run())
    }
    return step.value
  }
  assert.ok(log.compact(passInTurns))
  judge(log)
  judgeHeaders(log)
  return turns
}

for (const [what, writtenAs, keys, works] of [
  ['whose tombstones all get their time', () => null, RECORDS, 3],
  ['of which every second record goes', (index: number) => `${index}`, RECORDS / 2, 2],
  ['that stays as it is', (index: number) => `${index}`, RECORDS, 2],
] as const) {
  test(`a batch ${what} holds the event loop for some of its records at a time`, () => {
    const turns = turnsOf(writtenAs, keys)
    assert.ok(turns >= works * Math.floor(RECORDS / RECORDS_A_TURN), `${turns} turns`)
  })
}

test('a batch that the process has no memory for gives up the pass, and is no error that ends the log', () => {
  const store = { read: () => -(2 ** 45), *prepareRead() {} }
  const pass = streamBatches({ kernel: newKernel(), store, id: ID }, 0, 1, () => assert.unreachable() as never)
  assert.throws(
    () => pass.next(),
    (error: unknown) => LogError.is(error, 'MEMORY_CAP_REACHED') && error.details['sizeBytes'] === 2 ** 45,
  )
})

test.run()
