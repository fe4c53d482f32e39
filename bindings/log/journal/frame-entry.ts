import { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'

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

/*
 * What stands in a payload, by kind; big-endian, a text after its length in 16 bits.
 *
 *   batches,      uint8 kind, text topic id, uint32 partition, int64 base offset, int64 next offset,
 *   decision,     int64 base offset of the segment, int64 greatest timestamp, uint32 position, uint32 length;
 *   extent        then that many bytes of batches; of an extent uint32 CRC-32C and two edges, each after its uint16 length
 *   ceiling       uint8 kind, text topic id, uint32 partition, int64 offset
 *   producerIds   uint8 kind, int64 end
 */
const KINDS = ['batches', 'decision', 'extent', 'ceiling', 'producerIds'] as const

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
