import { crc32c } from '@node-rs/crc32'
import type { BatchReader, Kernel } from '../../../bindings/kernel/kernel.ts'
import type { Codecs, CompressionCodec } from '../../../bindings/model/compression.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { type DecodedReference, decodeReference, encodeReference } from '../../kernel/reference.ts'
import { allocate } from '../../kernel/support.ts'
import { type Bytes, copyOf, expect, type FuzzTarget, Refused, sameJson, toHex, viewOf } from '../target.ts'

const HEADER_BYTES = 61
const CRC_AT = 17
const CRC_FROM = 21
const BUFFER_BYTES = 64 * 1024
/** Offsets of a segment's batches begin here. */
const FIRST_OFFSET = 5

const unchanged: CompressionCodec = { compress: (bytes) => bytes, decompress: (bytes) => bytes }
/** As the reference reads them: what is said to be compressed is as it stands. */
export const unchangedCodecs: Codecs = { gzip: unchanged, snappy: unchanged, lz4: unchanged, zstd: unchanged }

function wholeBatches(): readonly Bytes[] {
  const seal = { baseOffset: 7, partitionLeaderEpoch: 1, producerId: 9, producerEpoch: 2, baseSequence: 4 }
  const text = (value: string) => new TextEncoder().encode(value)
  const records = [
    { key: text('key'), value: text('value'), timestamp: 1_700_000_000_000, headers: [['h', text('x')] as const] },
    { key: null, value: null, timestamp: 1_700_000_000_500, headers: [] },
    { key: text(''), value: text('y'.repeat(70)), timestamp: 1_699_999_999_000, headers: [['n', null] as const] },
  ]
  const plain = [1, 3, 40].map((recordCount) => copyOf(sealedBatch({ baseOffset: 7, recordCount }).bytes))
  const attributes = [0, 0x08, 0x10, 0x20, 0x02]
  return [...plain, ...attributes.map((each) => copyOf(encodeReference(records, { ...seal, attributes: each })))]
}

function resealBatch(bytes: Bytes): void {
  if (bytes.length < HEADER_BYTES) return
  const view = viewOf(bytes)
  const sizeBytes = view.getInt32(8) + 12
  const end = sizeBytes >= HEADER_BYTES && sizeBytes <= bytes.length ? sizeBytes : bytes.length
  view.setInt32(8, end - 12)
  view.setUint32(CRC_AT, crc32c(Buffer.from(bytes.buffer, CRC_FROM, end - CRC_FROM)))
}

/** One batch, record by record against the reference; neither takes what the other refuses. */
export function batchTarget(kernel: Kernel, reader: BatchReader = kernel.batchReader): FuzzTarget {
  const buffer = allocate(kernel, BUFFER_BYTES)
  return {
    name: 'batches in the kernel',
    share: 120,
    whole: wholeBatches(),
    reseal: resealBatch,
    take(bytes) {
      const length = Math.min(bytes.length, buffer.sizeBytes)
      buffer.bytes(0, length).set(bytes.subarray(0, length))
      const decoded = reader.decode(buffer, 0, length)
      const expected = decodeReference(bytes.subarray(0, length))
      if (typeof decoded === 'string' || typeof expected === 'string') {
        expect(typeof decoded === typeof expected, () => `${verdictOf(decoded)}, the reference: ${verdictOf(expected)}`)
        throw new Refused(String(decoded))
      }
      expect(reader.fault(buffer, 0, length) === undefined, () => 'a fault of a batch that was decoded')
      sameRecords(decoded, expected)
    },
  }
}

function verdictOf(read: unknown): string {
  return typeof read === 'string' ? read : 'taken'
}

function sameRecords(decoded: Exclude<ReturnType<BatchReader['decode']>, string>, expected: DecodedReference): void {
  expect(decoded.baseOffset === expected.baseOffset, () => 'another base offset')
  expect(decoded.recordCount === expected.records.length, () => `${decoded.recordCount} records`)
  expected.records.forEach((record, index) => {
    const of = (bytes: Uint8Array | null) => (bytes === null ? null : toHex(bytes))
    const headers = (list: readonly (readonly [string, Uint8Array | null])[]) =>
      list.map(([name, value]) => [name, of(value)])
    sameJson(
      [
        ...[decoded.offsetOf(index), decoded.timestampOf(index), of(decoded.keyOf(index)), of(decoded.valueOf(index))],
        headers(decoded.headersOf(index)),
      ],
      [record.offset, record.timestamp, of(record.key), of(record.value), headers(record.headers)],
      `record ${index}`,
    )
  })
}

/** A segment's batches one after the other: how far they are whole, and neither less nor more. */
export function segmentTarget(kernel: Kernel, reader: BatchReader = kernel.batchReader): FuzzTarget {
  const buffer = allocate(kernel, BUFFER_BYTES)
  const batches = [1, 2, 5, 1].map((recordCount, index) => {
    return copyOf(sealedBatch({ baseOffset: FIRST_OFFSET + index * 10, recordCount }).bytes)
  })
  const upTo = (count: number) => new Uint8Array(batches.slice(0, count).flatMap((each) => [...each]))
  return {
    name: 'segment files',
    share: 110,
    whole: [1, 2, 4].map(upTo),
    reseal: resealSegment,
    take(bytes) {
      const length = Math.min(bytes.length, buffer.sizeBytes)
      buffer.bytes(0, length).set(bytes.subarray(0, length))
      const intact = reader.intactBytes(buffer, 0, length, FIRST_OFFSET)
      expect(intact <= length, () => `${intact} of ${length} bytes are intact`)
      const nextOffset = walk(bytes, intact)
      const next = decodeReference(bytes.subarray(intact, length))
      const goesOn = typeof next !== 'string' && next.baseOffset >= nextOffset
      expect(!goesOn, () => `a whole batch at ${intact} is not taken`)
      if (intact < length) throw new Refused('not all of it')
    },
  }
}

/** Every batch of the intact bytes by a reading of its own; answers the offset after the last. */
function walk(bytes: Bytes, intact: number): number {
  const view = viewOf(bytes)
  let nextOffset = FIRST_OFFSET
  for (let at = 0; at < intact; ) {
    const end = at + 12 + view.getInt32(at + 8)
    const baseOffset = Number(view.getBigInt64(at))
    expect(end >= at + HEADER_BYTES && end <= intact, () => `the batch at ${at} has no end`)
    expect(baseOffset >= nextOffset && bytes[at + 16] === 2, () => `the batch at ${at} begins at ${baseOffset}`)
    const checksum = crc32c(Buffer.from(bytes.buffer, at + CRC_FROM, end - at - CRC_FROM))
    expect(checksum === view.getUint32(at + CRC_AT), () => `the batch at ${at} has another checksum`)
    nextOffset = baseOffset + view.getInt32(at + 23) + 1
    at = end
  }
  return nextOffset
}

function resealSegment(bytes: Bytes): void {
  const view = viewOf(bytes)
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + 12 + view.getInt32(at + 8)
    if (end < at + HEADER_BYTES || end > bytes.length) return
    view.setUint32(at + CRC_AT, crc32c(Buffer.from(bytes.buffer, at + CRC_FROM, end - at - CRC_FROM)))
    at = end
  }
}
