import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_ALIGNMENT, JOURNAL_VERSION } from './layout.ts'

const MAGIC = 0x4f4c4652 // 'OLFR'
export const FRAME_HEADER_BYTES = 64
const HEADER_FIELDS_BYTES = 48
const CHECKSUM_BYTES = 4
/** Unused bytes and the checksum's field, which counts as zero. */
const REST_OF_HEADER = new Uint8Array(FRAME_HEADER_BYTES - HEADER_FIELDS_BYTES)
/** Position of the payload's length in the header. */
const PAYLOAD_BYTES_AT = 40

/** A partition as frames and checkpoints name it: by topic id, never by topic name (durability rule 7). */
export interface PartitionKey {
  readonly topicId: string
  readonly partition: number
}

/** A run of batches, with the place in a segment where they stand or will stand. */
export interface BatchRun extends PartitionKey {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly segmentBaseOffset: number
  readonly position: number
  readonly lengthBytes: number
  readonly maxTimestamp: number
}

/** An extent's bytes in sectors that it doesn't fill alone: a crash during a write to a neighbour may damage them. */
export interface ExtentEdges {
  /** The bytes from the extent's beginning up to the next sector; empty when the extent begins with a sector. */
  readonly firstSector: Uint8Array
  /**
   * The bytes from the beginning of the last sector up to the extent's end; empty when the extent ends with a sector.
   */
  readonly partialSector: Uint8Array
}

export type FrameEntry =
  /** Data that is in its segment already, but not synced: the frame's copy makes it durable. */
  | (BatchRun & { readonly kind: 'batches'; readonly bytes: Uint8Array })
  /** A decision. It is written to its segment only after this frame is durable (rule 3). */
  | (BatchRun & { readonly kind: 'decision'; readonly bytes: Uint8Array })
  /** Data that was synced in its segment before the frame, except the sectors that it shares with others (rule 2). */
  | (BatchRun & ExtentEdges & { readonly kind: 'extent'; readonly crc: number })
  | (PartitionKey & { readonly kind: 'ceiling'; readonly ceiling: number })
  | { readonly kind: 'producerIds'; readonly end: number }

/** A run whose bytes stand in the frame itself. */
export type HeldRun = Extract<FrameEntry, { readonly bytes: Uint8Array }>

/** An entry about batches: the frame holds their bytes or describes them. */
export type FrameRun = Exclude<FrameEntry, { readonly kind: 'ceiling' | 'producerIds' }>

const KINDS = ['batches', 'decision', 'extent', 'ceiling', 'producerIds'] as const

export interface FrameHeader {
  readonly nonce: number
  readonly generation: number
  readonly sequence: number
  readonly payloadBytes: number
  readonly entryCount: number
  /** The sequence of the ordinary frame whose content this one repeats (rule 6b); -1 in an ordinary frame. */
  readonly restates: number
}

function writeRun(writer: ByteWriter, kind: (typeof KINDS)[number], run: BatchRun): void {
  writeKey(writer, kind, run)
  writer.int64(run.baseOffset)
  writer.int64(run.nextOffset)
  writer.int64(run.segmentBaseOffset)
  writer.int64(run.maxTimestamp)
  writer.uint32(run.position)
  writer.uint32(run.lengthBytes)
}

function writeKey(writer: ByteWriter, kind: (typeof KINDS)[number], key: PartitionKey): void {
  writer.uint8(KINDS.indexOf(kind))
  writer.text(key.topicId)
  writer.uint32(key.partition)
}

/** Bytes that a run takes in a frame in addition to its batches. */
export const RUN_OVERHEAD_BYTES = 69
/** The largest size of an extent's entry. */
export const EXTENT_BYTES = 1100

/** Writes the head of a run's entry and returns the room into which the caller copies the run's bytes. */
export function writeBatches(writer: ByteWriter, kind: 'batches' | 'decision', run: BatchRun): Uint8Array {
  writeRun(writer, kind, run)
  return writer.room(run.lengthBytes)
}

export function writeExtent(writer: ByteWriter, run: BatchRun, crc: number, edges: ExtentEdges): void {
  writeRun(writer, 'extent', run)
  writer.uint32(crc)
  for (const edge of [edges.firstSector, edges.partialSector]) {
    writer.uint16(edge.length)
    writer.raw(edge)
  }
}

export function writeCeiling(writer: ByteWriter, key: PartitionKey, ceiling: number): void {
  writeKey(writer, 'ceiling', key)
  writer.int64(ceiling)
}

export function writeProducerIds(writer: ByteWriter, end: number): void {
  writer.uint8(KINDS.indexOf('producerIds'))
  writer.int64(end)
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

function readRun(reader: ByteReader): BatchRun {
  return {
    topicId: reader.text(),
    partition: reader.uint32(),
    baseOffset: reader.int64(),
    nextOffset: reader.int64(),
    segmentBaseOffset: reader.int64(),
    maxTimestamp: reader.int64(),
    position: reader.uint32(),
    lengthBytes: reader.uint32(),
  }
}

/** Returns the entries of a payload whose checksum is right. The `bytes` of entries are views of the payload. */
export function readEntries(payload: Uint8Array, entryCount: number, file: string, position: number): FrameEntry[] {
  const reader = new ByteReader(payload, file, position)
  const entries: FrameEntry[] = []
  for (let index = 0; index < entryCount; index++) entries.push(readEntry(reader))
  return entries
}

function readEntry(reader: ByteReader): FrameEntry {
  const kind = KINDS[reader.uint8()]
  if (kind === undefined) throw reader.damaged('unknown kind of frame entry')
  switch (kind) {
    case 'batches':
    case 'decision': {
      const run = readRun(reader)
      return { kind, ...run, bytes: reader.raw(run.lengthBytes) }
    }
    case 'extent': {
      const run = readRun(reader)
      const crc = reader.uint32()
      const firstSector = reader.raw(reader.uint16())
      return { kind, ...run, crc, firstSector, partialSector: reader.raw(reader.uint16()) }
    }
    case 'ceiling':
      return { kind, topicId: reader.text(), partition: reader.uint32(), ceiling: reader.int64() }
    case 'producerIds':
      return { kind, end: reader.int64() }
  }
}

/** Bytes that a frame takes in its file, with the padding up to the next boundary. */
export function frameSpan(header: FrameHeader): number {
  return Math.ceil((FRAME_HEADER_BYTES + header.payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
}
