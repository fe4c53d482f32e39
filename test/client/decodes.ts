import { test } from 'uvu'
import { KernelBatchReader } from '../../bindings/kernel/batch-reader.ts'

let decoded = 0
for (const way of ['decode', 'decodeIntact'] as const) {
  const own = KernelBatchReader.prototype[way]
  KernelBatchReader.prototype[way] = function (...given) {
    decoded++
    return own.apply(this, given)
  }
  test.after(() => {
    KernelBatchReader.prototype[way] = own
  })
}

/** How many batches the kernel decodes meanwhile, whether their CRC is checked or was checked before. */
export async function decodedBy(work: () => Promise<unknown>): Promise<number> {
  const before = decoded
  await work()
  return decoded - before
}
