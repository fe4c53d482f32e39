import { crc32c } from '@node-rs/crc32'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { ByteWriter } from '../../../bindings/log/bytes/byte-writer.ts'
import {
  announcedFrameBytes,
  FRAME_HEADER_BYTES,
  readFrameHeader,
  startsFrame,
} from '../../../bindings/log/journal/frame.ts'
import { FrameBuilder } from '../../../bindings/log/journal/frame-builder.ts'
import {
  type FrameEntry,
  readEntries,
  writeBatches,
  writeCeiling,
  writeExtent,
  writeProducerIds,
} from '../../../bindings/log/journal/frame-entry.ts'
import { decodeHeader, encodeHeader } from '../../../bindings/log/journal/header.ts'
import { allocate } from '../../kernel/support.ts'
import { type Bytes, copyOf, expect, type FuzzTarget, Refused, sameBytes, viewOf } from '../target.ts'

const HEADER_BYTES = 52
const NONCE = 123_456_789_012
const RING_FILE = 'journal/00000000.ring'
const FRAME_BYTES_MAX = 8192
const FIELDS = { nonce: NONCE, generation: 3, sequence: 2 ** 33, restates: -1 }
const KEY = { topicId: 'AAAAAAAAAAAAAAAAAAAABA', partition: 2 }
const RUN = {
  ...{ ...KEY, baseOffset: 2 ** 32, nextOffset: 2 ** 32 + 3, segmentBaseOffset: 7 },
  ...{ position: 4096, lengthBytes: 40, maxTimestamp: 1_700_000_000_000 },
}

export function journalHeaderTarget(kernel: Kernel, decode: typeof decodeHeader = decodeHeader): FuzzTarget {
  const header = {
    sequence: 9,
    generation: 3,
    leaderEpoch: 2,
    ringFileBytes: 16_384,
    nonce: NONCE,
    checkpointSequence: 4,
  }
  return {
    name: 'journal headers',
    share: 90,
    whole: [true, false].map((clean) => copyOf(encodeHeader({ ...header, clean }, kernel))),
    reseal(bytes) {
      if (bytes.length >= HEADER_BYTES) viewOf(bytes).setUint32(48, crc32c(Buffer.from(bytes.buffer, 0, 48)))
    },
    take(bytes) {
      const decoded = decode(bytes, kernel, 'journal/header')
      if (decoded === undefined) throw new Refused('no header')
      // Bits of the flags that nobody gave a meaning count for nothing.
      const expected = bytes.slice(0, HEADER_BYTES)
      viewOf(expected).setUint16(6, viewOf(bytes).getUint16(6) & 1)
      viewOf(expected).setUint32(48, crc32c(Buffer.from(expected.buffer, 0, 48)))
      sameBytes(encodeHeader(decoded, kernel), expected, 'the header')
      expect(crc32c(Buffer.from(bytes.buffer, 0, 48)) === viewOf(bytes).getUint32(48), () => 'another checksum')
    },
  }
}

function wholeFrames(kernel: Kernel): readonly Bytes[] {
  const buffer = allocate(kernel, FRAME_BYTES_MAX)
  const builder = new FrameBuilder(kernel, buffer)
  const fillings: readonly (() => void)[] = [
    () => builder.batches('batches', RUN).fill(7),
    () => builder.ceiling(KEY, 2 ** 40),
    () => builder.producerIds(2000),
    () =>
      builder.extent(RUN, 0xdead_beef, { firstSector: new Uint8Array(9).fill(1), partialSector: new Uint8Array(5) }),
    () => builder.batches('decision', RUN).fill(9),
  ]
  const frames = [fillings.slice(0, 1), fillings.slice(1, 4), fillings].map((some) => {
    builder.begin(FRAME_BYTES_MAX)
    for (const fill of some) fill()
    return copyOf(builder.seal(FIELDS).slice(0, builder.sizeBytes))
  })
  buffer.free()
  return frames
}

interface FrameReading {
  readonly readFrameHeader: typeof readFrameHeader
  readonly readEntries: typeof readEntries
}

export function frameTarget(kernel: Kernel, reading: FrameReading = { readFrameHeader, readEntries }): FuzzTarget {
  const whole = wholeFrames(kernel)
  const buffer = allocate(kernel, FRAME_BYTES_MAX)
  return {
    name: 'journal frames',
    share: 100,
    whole,
    reseal: (bytes) => void (bytes.length >= FRAME_HEADER_BYTES && resealFrame(bytes)),
    take(bytes) {
      const length = Math.min(bytes.length, buffer.sizeBytes)
      buffer.bytes(0, length).set(bytes.subarray(0, length))
      if (!startsFrame(bytes.subarray(0, length))) throw new Refused('no frame')
      const announced = announcedFrameBytes(bytes)
      const header = reading.readFrameHeader(kernel, { buffer, at: 0, availableBytes: length, file: RING_FILE }, NONCE)
      sameBytes(buffer.bytes(0, length), bytes.subarray(0, length), 'the frame after it was read')
      if (header === undefined) throw new Refused('no whole frame')
      const end = FRAME_HEADER_BYTES + header.payloadBytes
      expect(end === announced && end <= length, () => `it announced ${announced} bytes and has ${end}`)
      expect(sealOf(bytes.slice(0, end)) === viewOf(bytes).getUint32(60), () => 'another checksum')
      const payload = buffer.bytes(FRAME_HEADER_BYTES, end).slice()
      const entries = reading.readEntries(payload, header.entryCount, RING_FILE, FRAME_HEADER_BYTES)
      const written = new ByteWriter()
      for (const entry of entries) writeEntry(written, entry)
      sameBytes(written.bytes, payload.subarray(0, written.length), 'its entries')
    },
  }
}

function writeEntry(writer: ByteWriter, entry: FrameEntry): void {
  if (entry.kind === 'ceiling') writeCeiling(writer, entry, entry.ceiling)
  else if (entry.kind === 'producerIds') writeProducerIds(writer, entry.end)
  else if (entry.kind === 'extent') writeExtent(writer, entry, entry.crc, entry)
  else writeBatches(writer, entry.kind, entry).set(entry.bytes)
}

/** Over head and payload, its own field as zero. */
function sealOf(frame: Bytes): number {
  viewOf(frame).setUint32(60, 0)
  return crc32c(Buffer.from(frame.buffer))
}

function resealFrame(bytes: Bytes): void {
  const view = viewOf(bytes)
  const payloadBytes = view.getUint32(40)
  const end = Math.min(FRAME_HEADER_BYTES + payloadBytes, bytes.length)
  view.setUint32(40, end - FRAME_HEADER_BYTES)
  view.setUint32(60, sealOf(bytes.slice(0, end)))
}
