import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Ring } from '../../../bindings/log/journal/ring.ts'
import { growRing } from '../../../bindings/log/store/ring-growth.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'

const OPTIONS = { ringFileBytes: 4096, ringFiles: 2, ringFilesUsual: 4, ringFilesMax: 8 }

/** Grows a ring that `refusal` keeps as it is; answers through which store. */
function grow(refusal: LogError, store: MemoryStore): unknown {
  let through: unknown
  const ring = {
    ...{ sizeBytes: 8192, fileSizeBytes: 4096, usedBytes: 0 },
    // biome-ignore lint/correctness/useYield: a task that fails at once
    *grow(_: number, __: unknown, given: unknown) {
      through = given
      throw refusal
    },
  }
  growRing(ring as unknown as Ring, OPTIONS, 0, store).next()
  return through
}

test('a larger ring is made of what is left over: no room and no descriptors for it are no failure', () => {
  const store = new MemoryStore()
  const tooMany = new LogError('KAFKA_STORAGE_ERROR', 'too many', { operation: 'open', errno: 'EMFILE' })
  for (const refusal of [new LogError('STORAGE_FULL', 'full'), tooMany]) assert.is(grow(refusal, store), store)
  const failed = new LogError('KAFKA_STORAGE_ERROR', 'the device failed', { operation: 'open', errno: 'EIO' })
  assert.throws(
    () => grow(failed, store),
    (error: unknown) => error === failed,
  )
})

test.run()
