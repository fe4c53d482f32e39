// Whether a record costs the same whatever there is already: CPU time of appending and scanning, per record, at 1e4 and
// 1e6 records (1e8 ask for 13 GB of disk and some minutes a pair), and over 1 and 1,000 partitions. Interleaved pairs;
// the median of their ratios counts.
//   node --import tsx bench/limits/scale.ts [pairs] [records]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { numberArgument } from '../harness/number-argument.ts'
import { openComposed } from './composed-log.ts'

const pairs = numberArgument(1, 5)
const TOPIC = 'scale'
const BATCH_RECORDS = 100
const FEW = 10_000
const MANY = 1_000_000
const most = numberArgument(2, MANY)
const VALUE = 'x'.repeat(100)

interface Cost {
  readonly appendNs: number
  readonly scanNs: number
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

/** CPU time per record of the last half, or 100,000, of the records appended, and of reading them all. */
async function cost(records: number, partitions: number): Promise<Cost> {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-scale-'))
  const { broker } = await openComposed(directory)
  try {
    await broker.admin.createTopic(TOPIC, { partitions, config: {} })
    const producer = await broker.openProducer()
    const batch = Array.from({ length: BATCH_RECORDS }, () => {
      return { key: null, value: VALUE, timestamp: undefined, headers: undefined }
    })
    const rounds = records / BATCH_RECORDS
    const measured = Math.min(records / 2, 100_000)
    let begun = 0
    for (let round = 0; round < rounds; round++) {
      if (round === rounds - measured / BATCH_RECORDS) begun = cpuNs()
      const partition = round % partitions
      const baseSequence = Math.floor(round / partitions) * BATCH_RECORDS
      const request = { topic: TOPIC, partition, acks: 1 as const, producerEpoch: 0, baseSequence }
      await producer.append({ ...request, records: batch })
    }
    const appendNs = (cpuNs() - begun) / measured
    const reader = broker.openReader()
    begun = cpuNs()
    let seen = 0
    for (let partition = 0; partition < partitions; partition++) {
      for (let nextOffset = 0; ; ) {
        const positions = [{ topic: TOPIC, partition, nextOffset }]
        const [part] = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false })
        if (part === undefined || part.nextOffset === nextOffset) break
        nextOffset = part.nextOffset
        for (const { recordCount } of part.batches) seen += recordCount
      }
    }
    const scanNs = (cpuNs() - begun) / seen
    if (seen !== records) throw new Error(`${seen} records of ${records} read`)
    return { appendNs, scanNs }
  } finally {
    await broker.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

async function compare(
  what: string,
  limit: number,
  base: () => Promise<Cost>,
  other: () => Promise<Cost>,
): Promise<void> {
  const ratios: { append: number; scan: number }[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const [a, b] = pair % 2 === 0 ? [await base(), await other()] : [await other(), await base()].reverse()
    if (a === undefined || b === undefined) continue
    ratios.push({ append: b.appendNs / a.appendNs, scan: b.scanNs / a.scanNs })
  }
  for (const kind of ['append', 'scan'] as const) {
    const ratio = median(ratios.map((each) => each[kind]))
    console.log(
      JSON.stringify({ what: `${kind}: ${what}`, ratio: Number(ratio.toFixed(2)), limit, within: ratio <= limit }),
    )
  }
}

// The compilers' warming is nobody's cost.
await cost(100_000, 1)
await cost(100_000, 100)
await compare(
  `${most.toExponential()} records over 1e4`,
  1.2,
  () => cost(FEW, 1),
  () => cost(most, 1),
)
if (most > MANY) {
  await compare(
    `${most.toExponential()} records over 1e6`,
    1.2,
    () => cost(MANY, 1),
    () => cost(most, 1),
  )
}
await compare(
  '1,000 partitions over 1',
  2,
  () => cost(MANY, 1),
  () => cost(MANY, 1000),
)
