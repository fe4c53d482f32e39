// What a frame is, byte by byte: its header, each kind of entry, and which bytes count as one. All that recovery brings
// back it reads from these.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  announcedFrameBytes,
  brokenFrameBytes,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameSpan,
  mayBeFrame,
  readFrameHeader,
  startsFrame,
} from '../../../bindings/log/journal/frame.ts'
import { FrameBuilder } from '../../../bindings/log/journal/frame-builder.ts'
import { readEntries } from '../../../bindings/log/journal/frame-entry.ts'
import { FRAME_ALIGNMENT, SECTOR_BYTES } from '../../../bindings/log/journal/layout.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { crc32cReference } from '../../kernel/reference.ts'
import { allocate, newKernel } from '../../kernel/support.ts'

const FILE = 'journal/00000000.ring'
const NONCE = 2 ** 52 + 1
const FIELDS = { nonce: NONCE, generation: 3, sequence: 7, restates: -1 }
const KEY = { topicId: 'AAAAAAAAAAAAAAAAAAAABA', partition: 2 }
const PLACE = { baseOffset: 10, nextOffset: 13, segmentBaseOffset: 5, position: 4096, maxTimestamp: 1_700_000_000_000 }
const RUN = { ...KEY, ...PLACE, lengthBytes: 3 }
const KEY_BYTES = [...int(2, 22), ...new TextEncoder().encode(KEY.topicId), ...int(4, 2)]
const RUN_BYTES = [
  ...KEY_BYTES,
  ...int(8, 10), // base offset
  ...int(8, 13), // next offset
  ...int(8, 5), // base offset of the segment
  ...int(8, 1_700_000_000_000), // greatest timestamp
  ...int(4, 4096), // position in the segment
  ...int(4, 3), // length of the batches
]

const kernel = newKernel()
const buffer = allocate(kernel, 8 * FRAME_ALIGNMENT)

/** Big-endian, as all fields of a frame. */
function int(sizeBytes: number, value: number): number[] {
  return Array.from({ length: sizeBytes }, (_, index) =>
    Number((BigInt(value) >> BigInt(8 * (sizeBytes - 1 - index))) & 255n),
  )
}

/** The frame that the journal writes; without what `fill` adds, one with a single promise. */
function written(fill = (builder: FrameBuilder) => builder.producerIds(1000), fields = FIELDS): Uint8Array {
  const builder = new FrameBuilder(kernel, buffer)
  builder.begin(buffer.sizeBytes)
  fill(builder)
  return builder.seal(fields).slice()
}

/** The entries' bytes alone, as the header tells where they end. */
function payload(fill: (builder: FrameBuilder) => void): number[] {
  const frame = written(fill)
  return [...frame.subarray(FRAME_HEADER_BYTES, announcedFrameBytes(frame))]
}

function entries(bytes: readonly number[], count = 1): unknown {
  return readEntries(Uint8Array.from(bytes), count, FILE, FRAME_HEADER_BYTES)
}

function header(bytes: Uint8Array, nonce = NONCE): FrameHeader | undefined {
  buffer.bytes(0, bytes.length).set(bytes)
  return readFrameHeader(kernel, { buffer, at: 0, availableBytes: bytes.length, file: FILE }, nonce)
}

test('the header has 64 bytes; its checksum is over them, itself as zero, and the payload', () => {
  const frame = written()
  const zeroed = frame.slice(0, FRAME_HEADER_BYTES + 9)
  zeroed.fill(0, 60, 64)
  const expected = [
    ...[0x4f, 0x4c, 0x46, 0x52], // 0   magic, OLFR
    ...int(2, 1), // 4   version
    ...int(2, 0), // 6   unused
    ...int(8, NONCE), // 8   the journal's number
    ...int(8, 3), // 16  generation of the process that wrote it
    ...int(8, 7), // 24  sequence
    ...int(8, -1), // 32  the sequence of the frame that it repeats
    ...int(4, 9), // 40  payload's length
    ...int(4, 1), // 44  number of entries
    ...int(12, 0), // 48  unused
    ...int(4, crc32cReference(zeroed)), // 60  CRC-32C
  ]
  assert.equal([...frame.subarray(0, FRAME_HEADER_BYTES)], expected)
  assert.equal(header(frame), { ...FIELDS, payloadBytes: 9, entryCount: 1 })
})

test('batches and decisions: kind, topic id, partition, place, then their bytes', () => {
  for (const [number, kind] of (['batches', 'decision'] as const).entries()) {
    const bytes = [number, ...RUN_BYTES, 7, 8, 9]
    assert.equal(
      payload((frame) => frame.batches(kind, RUN).set([7, 8, 9])),
      bytes,
    )
    assert.equal(entries(bytes), [{ kind, ...RUN, bytes: Uint8Array.of(7, 8, 9) }])
  }
})

test('an extent has instead of its bytes their checksum and those of the sectors that it shares', () => {
  const edges = { firstSector: Uint8Array.of(4), partialSector: Uint8Array.of(5, 6) }
  const bytes = [2, ...RUN_BYTES, ...int(4, 0xfedcba98), ...int(2, 1), 4, ...int(2, 2), 5, 6]
  assert.equal(
    payload((frame) => frame.extent(RUN, 0xfedcba98, edges)),
    bytes,
  )
  assert.equal(entries(bytes), [{ kind: 'extent', ...RUN, crc: 0xfedcba98, ...edges }])
})

test('promises: an offset ceiling of a partition, and the end of the producer ids that are reserved', () => {
  const bytes = [3, ...KEY_BYTES, ...int(8, 2 ** 53 - 1), 4, ...int(8, 1000)]
  assert.equal(
    payload((frame) => {
      frame.ceiling(KEY, 2 ** 53 - 1)
      frame.producerIds(1000)
    }),
    bytes,
  )
  assert.equal(entries(bytes, 2), [
    { kind: 'ceiling', ...KEY, ceiling: 2 ** 53 - 1 },
    { kind: 'producerIds', end: 1000 },
  ])
})

test('an entry of an unknown kind, or cut off, is damage with its place', () => {
  for (const bytes of [[5], [4, 0, 0], [0, ...RUN_BYTES, 7, 8]]) {
    assert.throws(
      () => entries(bytes),
      (error: unknown) =>
        LogError.is(error, 'CORRUPT_LOG') &&
        error.details['file'] === FILE &&
        Number(error.details['position']) > FRAME_HEADER_BYTES,
    )
  }
})

test('what is reserved for an entry is never less than it takes', () => {
  const size = (fill: (builder: FrameBuilder) => void) => payload(fill).length
  const edge = new Uint8Array(SECTOR_BYTES - 1)
  const run = size((frame) => frame.batches('batches', RUN))
  const extent = size((frame) => frame.extent(RUN, 0, { firstSector: edge, partialSector: edge }))
  const fitsInto = (capacityBytes: number, laterExtents: number) => {
    const builder = new FrameBuilder(kernel, buffer)
    builder.begin(FRAME_HEADER_BYTES + capacityBytes)
    return builder.fits(RUN.lengthBytes, laterExtents)
  }
  assert.equal([fitsInto(run - 1, 0), fitsInto(run, 0)], [false, true])
  assert.not.ok(fitsInto(run + extent - 1, 1))
})

test('a frame is written in whole sectors, and the next begins at the next border of 4096 bytes', () => {
  const frame = written()
  assert.is(frame.length, SECTOR_BYTES)
  assert.ok(frame.subarray(FRAME_HEADER_BYTES + 9).every((byte) => byte === 0))
  const span = (payloadBytes: number) => frameSpan({ ...FIELDS, payloadBytes, entryCount: 1 })
  assert.is(span(FRAME_ALIGNMENT - FRAME_HEADER_BYTES), FRAME_ALIGNMENT)
  assert.is(span(FRAME_ALIGNMENT - FRAME_HEADER_BYTES + 1), 2 * FRAME_ALIGNMENT)
})

test('whole is what has every bit of header and payload, and was written for this journal', () => {
  const frame = written().slice(0, FRAME_HEADER_BYTES + 9)
  for (let bit = 0; bit < 8 * frame.length; bit++) {
    const flipped = frame.slice()
    flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
    assert.is(header(flipped), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < frame.length; length++) assert.is(header(frame.slice(0, length)), undefined)
  assert.is(header(frame, NONCE + 1), undefined)
  assert.ok(header(frame))
})

test('a quick look tells where no frame begins', () => {
  const frame = written()
  assert.ok(startsFrame(frame))
  assert.not.ok(startsFrame(frame.subarray(0, FRAME_HEADER_BYTES - 1)))
  const spoilt = (...positions: readonly number[]) => {
    const bytes = frame.slice()
    for (const position of positions) bytes[position] = 0xff
    return bytes
  }
  assert.ok(mayBeFrame(spoilt(0), 0), 'the version is right')
  assert.ok(mayBeFrame(spoilt(4), 0), 'the magic is right')
  assert.not.ok(mayBeFrame(spoilt(0, 4), 0))
})

test('a broken frame is one of which all but one of magic, version, nonce and a newer sequence are right', () => {
  const frame = written()
  const signs = [0, 4, 8, 24]
  const broken = (positions: readonly number[], covered = 6) => {
    const bytes = frame.slice()
    for (const position of positions) bytes[position] = 0xff
    return brokenFrameBytes(bytes, NONCE, covered)
  }
  for (const sign of signs) {
    assert.is(broken([sign]), FRAME_HEADER_BYTES + 9, `only byte ${sign} is wrong`)
    for (const other of signs) if (other !== sign) assert.is(broken([sign, other]), undefined)
  }
  assert.is(broken([0], 7), undefined, 'a checkpoint covers its sequence, and its magic is wrong')
  assert.is(broken([], 7), FRAME_HEADER_BYTES + 9)
  assert.is(brokenFrameBytes(frame.slice(0, 32), NONCE, 6), FRAME_HEADER_BYTES, 'cut off before its length')
  assert.is(brokenFrameBytes(new Uint8Array(FRAME_HEADER_BYTES), NONCE, 6), undefined)
})

test.run()
