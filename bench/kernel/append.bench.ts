// One call is one batch, encoded and sealed into a ring of 16 MB, CRC included.
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { makeRecords } from '../harness/records.ts'
import { PlainBatchEncoder } from '../peers/record-batch.ts'
import { type Comparison, comparisonMain, type Workload } from './compare.ts'

const ringBytes = 16 << 20
const timestamp = 1_700_000_000_123
const none = new Uint8Array(0)

const seal = {
  baseOffset: 5_000_000_000,
  partitionLeaderEpoch: 0,
  producerId: 7,
  producerEpoch: 1,
  baseSequence: 3,
  attributes: 0,
}

interface Shape {
  readonly count: number
  readonly valueBytes: number
  readonly withKeys: boolean
}

function recordsOf({ count, valueBytes, withKeys }: Shape): { key: Uint8Array; value: Uint8Array }[] {
  return makeRecords(count, valueBytes).map(({ key, value }) => ({ key: withKeys ? key : none, value }))
}

function viewsOf(records: readonly { key: Uint8Array; value: Uint8Array }[]): { key: Uint8Array; value: Uint8Array }[] {
  const payload = Buffer.concat(records.flatMap(({ key, value }) => [key, value]))
  let at = 0
  const view = ({ length }: Uint8Array): Uint8Array => {
    at += length
    return payload.subarray(at - length, at)
  }
  return records.map(({ key, value }) => ({ key: view(key), value: view(value) }))
}

function turns(count: number): number {
  return Math.max(1, Math.round(500 / count))
}

function kernelOf(shape: Shape): Workload {
  const kernel = createKernel(loadKernelModule(), { capBytes: 64 << 20 })
  const ring = kernel.allocate(ringBytes)
  if (ring === undefined) throw new Error('no memory')
  const records = recordsOf(shape)
  const builder = kernel.batchBuilder
  const limit = ringBytes - shape.count * (shape.valueBytes + 64) - 100
  const calls = turns(shape.count)
  let at = 0
  return {
    calls,
    run: () => {
      for (let turn = 0; turn < calls; turn++) {
        if (at > limit) at = 0
        builder.begin(ring, at)
        for (let index = 0; index < records.length; index++) {
          const record = records[index] as { key: Uint8Array; value: Uint8Array }
          builder.append(record.key, record.value, timestamp, undefined)
        }
        at += builder.seal(seal)
      }
      return at
    },
  }
}

function plainOf(shape: Shape, isPacked: boolean): Workload {
  const encoder = new PlainBatchEncoder(ringBytes)
  const records = isPacked ? viewsOf(recordsOf(shape)) : recordsOf(shape)
  const stamp = { baseOffset: 5_000_000_000, timestamp, producerId: 7, producerEpoch: 1, baseSequence: 3 }
  const calls = turns(shape.count)
  const [first] = records
  if (first === undefined) throw new Error('no records')
  return {
    calls,
    run: () => {
      let sum = 0
      if (shape.count === 1) for (let turn = 0; turn < calls; turn++) sum += encoder.encodeOne(first, stamp)
      else for (let turn = 0; turn < calls; turn++) sum += encoder.encode(records, stamp)
      return sum
    },
  }
}

/**
 * The payload lies in one piece, as a codec leaves it; the rival's records are views on such a piece, made beforehand.
 */
function packedKernelOf(shape: Shape): Workload {
  const kernel = createKernel(loadKernelModule(), { capBytes: 64 << 20 })
  const ring = kernel.allocate(ringBytes)
  if (ring === undefined) throw new Error('no memory')
  const records = recordsOf(shape)
  const payload = Buffer.concat(records.flatMap(({ key, value }) => [key, value]))
  const lengths = Int32Array.from(records.flatMap(({ key, value }) => [key.length, value.length]))
  const builder = kernel.batchBuilder
  const limit = ringBytes - shape.count * (shape.valueBytes + 64) - 100
  const calls = turns(shape.count)
  let at = 0
  return {
    calls,
    run: () => {
      for (let turn = 0; turn < calls; turn++) {
        if (at > limit) at = 0
        builder.begin(ring, at)
        builder.appendPacked(payload, lengths, timestamp)
        at += builder.seal(seal)
      }
      return at
    },
  }
}

const shapes: readonly (readonly [Shape, number | undefined])[] = [
  [{ count: 1, valueBytes: 100, withKeys: false }, 1.9],
  [{ count: 100, valueBytes: 100, withKeys: false }, 1.6],
  [{ count: 100, valueBytes: 1024, withKeys: false }, 1.7],
  [{ count: 100, valueBytes: 100, withKeys: true }, undefined],
]
const comparisons: Comparison[] = shapes.map(([shape, target]) => ({
  name: `append ${shape.count} x ${shape.valueBytes} B${shape.withKeys ? ' with 16 B keys' : ''}`,
  ...(target === undefined ? {} : { target }),
  bytesPerCall: shape.count * (shape.valueBytes + (shape.withKeys ? 16 : 0)),
  kernel: () => kernelOf(shape),
  rivals: { 'plain JavaScript with the native CRC': () => plainOf(shape, false) },
}))

for (const [shape] of shapes.slice(1))
  comparisons.push({
    name: `bulk append ${shape.count} x ${shape.valueBytes} B${shape.withKeys ? ' with 16 B keys' : ''}`,
    bytesPerCall: shape.count * (shape.valueBytes + (shape.withKeys ? 16 : 0)),
    kernel: () => packedKernelOf(shape),
    rivals: { 'plain JavaScript with the native CRC': () => plainOf(shape, true) },
  })

await comparisonMain(import.meta.url, comparisons)
