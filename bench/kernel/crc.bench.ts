// CRC-32C of bytes inside the kernel against the native add-on on a Buffer.
import { crc32c } from '@node-rs/crc32'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { makeRecords } from '../harness/records.ts'
import { type Comparison, comparisonMain, type Workload } from './compare.ts'

function repeated(sizeBytes: number, crc: () => number): Workload {
  const calls = Math.max(4, Math.round(200_000 / (sizeBytes + 500)))
  return {
    calls,
    run: () => {
      let sum = 0
      for (let call = 0; call < calls; call++) sum ^= crc()
      return sum
    },
  }
}

function content(sizeBytes: number): Uint8Array {
  return makeRecords(1, sizeBytes)[0]?.value ?? new Uint8Array(0)
}

function kernelOf(sizeBytes: number): Workload {
  const kernel = createKernel(loadKernelModule(), { capBytes: 16 << 20 })
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) throw new Error('no memory')
  buffer.bytes(0, sizeBytes).set(content(sizeBytes))
  if (kernel.crc32c(buffer, 0, sizeBytes) !== crc32c(content(sizeBytes))) throw new Error('wrong')
  return repeated(sizeBytes, () => kernel.crc32c(buffer, 0, sizeBytes))
}

function nativeOf(sizeBytes: number): Workload {
  const bytes = Buffer.from(content(sizeBytes))
  return repeated(sizeBytes, () => crc32c(bytes))
}

const sizes: readonly (readonly [string, number, number])[] = [
  ['100 B', 100, 2.4],
  ['1 KB', 1024, 2.0],
  ['16 KB', 16384, 2.0],
  ['1 MB', 1048576, 3.0],
]
const comparisons: Comparison[] = sizes.map(([label, sizeBytes, target]) => ({
  name: `CRC-32C of ${label}`,
  target,
  bytesPerCall: sizeBytes,
  kernel: () => kernelOf(sizeBytes),
  rivals: { '@node-rs/crc32': () => nativeOf(sizeBytes) },
}))

await comparisonMain(import.meta.url, comparisons)
