import { KernelBatchReader } from '../../bindings/kernel/batch-reader.ts'

/** How many batches the kernel decodes meanwhile, whether their CRC is checked or was checked before. */
export async function decodedBy(work: () => Promise<unknown>): Promise<number> {
  const { decode, decodeIntact } = KernelBatchReader.prototype
  let decoded = 0
  const counted = (own: typeof decode): typeof decode => {
    return function (this: KernelBatchReader, ...given) {
      decoded++
      return own.apply(this, given)
    }
  }
  Object.assign(KernelBatchReader.prototype, { decode: counted(decode), decodeIntact: counted(decodeIntact) })
  try {
    await work()
    return decoded
  } finally {
    // Other test files run in this process afterwards.
    Object.assign(KernelBatchReader.prototype, { decode, decodeIntact })
  }
}
