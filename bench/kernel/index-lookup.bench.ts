// Lookups of random offsets in an index of 1e5 entries.
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { TypedArrayIndex } from '../peers/index-search.ts'
import { comparisonMain, type Workload } from './compare.ts'

const entries = 100_000
const step = 37
const calls = 4096

/** Batches hold what they hold: entries come every 37 offsets on average, 5 to 69. */
const offsets = new Int32Array(entries)
for (let entry = 0, offset = 5; entry < entries; entry++) {
  offsets[entry] = offset
  offset += 5 + ((Math.imul(entry + 1, 2_654_435_761) >>> 13) % (2 * step - 9))
}

/** 65,536 offsets; each run takes the next 4096, so that no predictor learns them. */
const wanted = Int32Array.from({ length: 65_536 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 9) % (entries * step))

function repeated(lookup: (offset: number) => number): Workload {
  let from = 0
  return {
    calls,
    run: () => {
      let sum = 0
      for (let call = from; call < from + calls; call++) sum ^= lookup(wanted[call] as number)
      from = (from + calls) % wanted.length
      return sum
    },
  }
}

function kernelIndex(): Workload {
  const index = createKernel(loadKernelModule(), { capBytes: 16 << 20 }).offsetIndex(0)
  for (let entry = 0; entry < entries; entry++) index.append(offsets[entry] as number, entry * 4096)
  return repeated((offset) => index.lookup(offset))
}

function rival(halving: boolean): Workload {
  const index = new TypedArrayIndex(entries)
  for (let entry = 0; entry < entries; entry++) index.append(offsets[entry] as number, entry * 4096)
  return repeated(halving ? (offset) => index.lookupHalving(offset) : (offset) => index.lookup(offset))
}

await comparisonMain(import.meta.url, [
  {
    name: 'index lookup in 1e5 entries',
    target: 1.8,
    kernel: kernelIndex,
    rivals: { 'typed array, binary search': () => rival(false), 'typed array, halving': () => rival(true) },
  },
])
