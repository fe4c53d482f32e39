import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_ALIGNMENT, JOURNAL_VERSION } from './layout.ts'

/*
 * A frame: this header, the entries (frame-entry.ts), zeros up to the end of a sector. Big-endian.
 *
 *   0   uint32  magic, 'OLFR'
 *   4   uint16  JOURNAL_VERSION
 *   8   int64   the journal's nonce
 *   16  int64   generation of the process that wrote it
 *   24  int64   sequence
 *   32  int64   restates
 *   40  uint32  length of the entries
 *   44  uint32  how many they are
 *   60  uint32  CRC-32C of header and entries, this field as zero
 */
const MAGIC = 0x4f4c4652 // 'OLFR'
export const FRAME_HEADER_BYTES = 64
const HEADER_FIELDS_BYTES = 48
const CHECKSUM_BYTES = 4
/** Unused bytes and the checksum's field, which counts as zero. */
const REST_OF_HEADER = new Uint8Array(FRAME_HEADER_BYTES - HEADER_FIELDS_BYTES)
/** Position of the payload's length in the header. */
const PAYLOAD_BYTES_AT = 40

export interface FrameHeader {
  readonly nonce: number
  readonly generation: number
  readonly sequence: number
  readonly payloadBytes: number
  readonly entryCount: number
  /** The sequence of the ordinary frame whose content this one repeats (rule 6b); -1 in an ordinary frame. */
  readonly restates: number
}

/** Fills the 64-byte header of a frame whose payload follows it in `buffer`. The checksum covers both. */
export function sealFrame(buffer: KernelBuffer, header: FrameHeader, head: ByteWriter, kernel: Kernel): void {
  head.clear()
  head.uint32(MAGIC)
  head.uint16(JOURNAL_VERSION)
  head.uint16(0)
  head.int64(header.nonce)
  head.int64(header.generation)
  head.int64(header.sequence)
  head.int64(header.restates)
  head.uint32(header.payloadBytes)
  head.uint32(header.entryCount)
  head.raw(REST_OF_HEADER)
  buffer.bytes(0, FRAME_HEADER_BYTES).set(head.bytes)
  const crc = kernel.crc32c(buffer, 0, FRAME_HEADER_BYTES + header.payloadBytes)
  head.setUint32(FRAME_HEADER_BYTES - CHECKSUM_BYTES, crc)
  buffer.bytes(0, FRAME_HEADER_BYTES).set(head.bytes)
}

/** Whether the first bytes are those of a frame: a quick test before all of a possible frame is checked. */
export function startsFrame(bytes: Uint8Array): boolean {
  return bytes.length >= FRAME_HEADER_BYTES && hasMagic(bytes, 0)
}

/**
 * Whether a frame, whole or broken, may stand at `at`: there is none where both magic and version differ. A quick test,
 * because there are thousands of boundaries.
 */
export function mayBeFrame(bytes: Uint8Array, at: number): boolean {
  return (((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0)) === JOURNAL_VERSION || hasMagic(bytes, at)
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16)
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0 === MAGIC
}

/** The frame's length as its header states it; nothing is checked yet. */
export function announcedFrameBytes(bytes: Uint8Array): number {
  return FRAME_HEADER_BYTES + new ByteReader(bytes.subarray(PAYLOAD_BYTES_AT, PAYLOAD_BYTES_AT + 4), '').uint32()
}

/** Where a frame may stand in the kernel's memory. */
export interface FramePlace {
  readonly buffer: KernelBuffer
  readonly at: number
  /** How many bytes were read from `at` on. */
  readonly availableBytes: number
  /** The file that they were read from. */
  readonly file: string
}

/**
 * Returns the header of the frame if the frame is whole and of the journal with this nonce, else `undefined`. The
 * checksum's own field counts as zero, as when the frame was sealed.
 */
export function readFrameHeader(
  kernel: Kernel,
  { buffer, at, availableBytes, file }: FramePlace,
  nonce: number,
): FrameHeader | undefined {
  if (availableBytes < FRAME_HEADER_BYTES) return undefined
  const head = buffer.bytes(at, at + FRAME_HEADER_BYTES).slice()
  const reader = new ByteReader(head, file)
  if (reader.uint32() !== MAGIC || reader.uint16() !== JOURNAL_VERSION) return undefined
  reader.uint16()
  try {
    const header = {
      nonce: reader.int64(),
      generation: reader.int64(),
      sequence: reader.int64(),
      restates: reader.int64(),
      payloadBytes: reader.uint32(),
      entryCount: reader.uint32(),
    }
    if (header.nonce !== nonce || header.payloadBytes > availableBytes - FRAME_HEADER_BYTES) return undefined
    const field = buffer.bytes(at + FRAME_HEADER_BYTES - CHECKSUM_BYTES, at + FRAME_HEADER_BYTES)
    const expected = new ByteReader(field.slice(), file).uint32()
    field.fill(0)
    const crc = kernel.crc32c(buffer, at, FRAME_HEADER_BYTES + header.payloadBytes)
    buffer.bytes(at, at + FRAME_HEADER_BYTES).set(head)
    return crc === expected ? header : undefined
  } catch {
    return undefined // A field is beyond 2^53: this journal wrote no such frame.
  }
}

/**
 * Returns the size that a broken frame of this journal states, `undefined` for bytes that never were such a frame. One
 * field of the header may be damaged, so all but one must be right. A header that is cut off by the file's end counts
 * as filled with zeros.
 */
export function brokenFrameBytes(bytes: Uint8Array, nonce: number, coveredSequence: number): number | undefined {
  const head = bytes.length < FRAME_HEADER_BYTES ? new Uint8Array(FRAME_HEADER_BYTES) : bytes
  if (head !== bytes) head.set(bytes)
  const view = new DataView(head.buffer, head.byteOffset, FRAME_HEADER_BYTES)
  const isMagic = view.getUint32(0) === MAGIC
  const signs = [
    isMagic,
    view.getUint16(4) === JOURNAL_VERSION,
    view.getBigUint64(8) === BigInt(nonce),
    view.getBigUint64(24) > BigInt(coveredSequence) && view.getBigUint64(24) < 2n ** 53n,
  ]
  if (signs.filter(Boolean).length < signs.length - 1) return undefined
  return FRAME_HEADER_BYTES + view.getUint32(PAYLOAD_BYTES_AT)
}

/** Bytes that a frame takes in its file, with the padding up to the next boundary. */
export function frameSpan(header: FrameHeader): number {
  return Math.ceil((FRAME_HEADER_BYTES + header.payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
}
