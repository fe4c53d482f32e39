// As an append does it: a batch is checked and, where it is the next one, noted by a second call; the rival's one call
// does both. 2 % are duplicates of the newest batch.
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { SEQUENCE_ACCEPTED } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { ObjectMapDeduplication, RowMapDeduplication } from '../peers/deduplication-map.ts'
import { type Comparison, comparisonMain, type Workload } from './compare.ts'

const calls = 4096

type Check = (producerId: number, epoch: number, firstSequence: number, count: number, offset: number) => number

function repeated(producers: number, check: Check): Workload {
  const next = new Int32Array(producers).fill(1)
  for (let producer = 0; producer < producers; producer++) check(producer, 0, 0, 1, 0)
  let turn = 0
  return {
    calls,
    run: () => {
      let sum = 0
      for (let call = 0; call < calls; call++) {
        const producer = (Math.imul(turn++, 2_654_435_761) >>> 0) % producers
        const sequence = next[producer] as number
        if (call % 50 === 0) sum += check(producer, 0, sequence - 1, 1, turn)
        else {
          next[producer] = sequence + 1
          sum += check(producer, 0, sequence, 1, turn)
        }
      }
      return sum
    },
  }
}

function kernelOf(producers: number): Workload {
  const table = createKernel(loadKernelModule(), { capBytes: 1 << 30 }).producerTable()
  return repeated(producers, (producerId, epoch, firstSequence, count, offset) => {
    const answer = table.check(producerId, epoch, firstSequence, count)
    if (answer !== SEQUENCE_ACCEPTED) return answer
    table.reserve()
    table.push(producerId, epoch, firstSequence, count, offset, 1_700_000_000_123)
    return answer
  })
}

const comparisons: Comparison[] = (
  [
    ['1e3', 1000, 1.6],
    ['1e6', 1_000_000, 2.8],
  ] as const
).map(([label, producers, target]) => ({
  name: `de-duplication of ${label} producers`,
  target,
  kernel: () => kernelOf(producers),
  rivals: {
    'Map of objects': () => {
      const rival = new ObjectMapDeduplication()
      return repeated(producers, rival.check.bind(rival))
    },
    'Map to rows of typed arrays': () => {
      const rival = new RowMapDeduplication()
      return repeated(producers, rival.check.bind(rival))
    },
  },
}))

await comparisonMain(import.meta.url, comparisons)
