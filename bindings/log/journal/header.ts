import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_ALIGNMENT, JOURNAL_VERSION, SECTOR_BYTES } from './layout.ts'

const MAGIC = 0x4f4c4f47 // 'OLOG'
const HEADER_BYTES = 52
/**
 * Positions of the header's two copies in a slot. They are in different sectors, so that damage to one sector doesn't
 * take the newest header away.
 */
const COPIES_AT = [0, SECTOR_BYTES] as const

/** What one opening of the log tells the next one. */
export interface JournalHeader {
  /** Grows with every write of the header: of two valid slots the one with the greater sequence counts. */
  readonly sequence: number
  /**
   * The number of this opening. Frames carry it. If the header holds another one, somebody else opened the directory.
   */
  readonly generation: number
  /** The leader epoch that batches get. Every unclean open raises it (durability rule 5). */
  readonly leaderEpoch: number
  readonly ringFileBytes: number
  /** A random number, drawn once per directory. Frames carry it, so that no record's content can pass for a frame. */
  readonly nonce: number
  readonly clean: boolean
  /** The checkpoint that was the newest when the header was written. */
  readonly checkpointSequence: number
}

export function encodeHeader(header: JournalHeader, kernel: Kernel): Uint8Array {
  const writer = new ByteWriter(HEADER_BYTES)
  writer.uint32(MAGIC)
  writer.uint16(JOURNAL_VERSION)
  writer.uint16(header.clean ? 1 : 0)
  writer.int64(header.sequence)
  writer.int64(header.generation)
  writer.int64(header.checkpointSequence)
  writer.int64(header.nonce)
  writer.uint32(header.leaderEpoch)
  writer.uint32(header.ringFileBytes)
  writer.uint32(kernel.crc32cOf(writer.bytes))
  return writer.bytes
}

/** Returns `undefined` for a slot that was never written or is torn. Throws UNSUPPORTED_VERSION for another version. */
export function decodeHeader(bytes: Uint8Array, kernel: Kernel, file: string, position = 0): JournalHeader | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const reader = new ByteReader(bytes, file)
  if (reader.uint32() !== MAGIC) return undefined
  const version = reader.uint16()
  const flags = reader.uint16()
  if (kernel.crc32cOf(bytes.subarray(0, 48)) !== new ByteReader(bytes.subarray(48), file).uint32()) return undefined
  if (version !== JOURNAL_VERSION) {
    throw new LogError('UNSUPPORTED_VERSION', `${file} has version ${version}; this oncelog knows ${JOURNAL_VERSION}`, {
      file,
      position,
      version,
      known: JOURNAL_VERSION,
    })
  }
  return {
    clean: (flags & 1) === 1,
    sequence: reader.int64(),
    generation: reader.int64(),
    checkpointSequence: reader.int64(),
    nonce: reader.int64(),
    leaderEpoch: reader.uint32(),
    ringFileBytes: reader.uint32(),
  }
}

/** The newest whole header of both slots. */
export interface NewestHeader {
  readonly header: JournalHeader
  /**
   * Whether no newer header was written: the one before this is still in the other slot, where a newer one would stand.
   */
  readonly isNewest: boolean
}

/** What was found in the header's file. */
export interface FoundHeader {
  /** `undefined`: none is whole. */
  readonly header: JournalHeader | undefined
  readonly isNewest: boolean
  /** Positions of copies that hold something other than a header. */
  readonly damaged: readonly number[]
}

export function readHeader(file: StoreFile, kernel: Kernel): FoundHeader {
  let newest: JournalHeader | undefined
  const sequences = new Set<number>()
  const damaged: number[] = []
  for (const position of [0, FRAME_ALIGNMENT].flatMap((slot) => COPIES_AT.map((copy) => slot + copy))) {
    const bytes = new Uint8Array(HEADER_BYTES)
    const read = bytes.subarray(0, file.read(bytes, position))
    const header = decodeHeader(read, kernel, file.path, position)
    if (header === undefined && read.some((byte) => byte !== 0)) damaged.push(position)
    if (header === undefined) continue
    sequences.add(header.sequence)
    if (newest === undefined || header.sequence > newest.sequence) newest = header
  }
  const before = (newest?.sequence ?? 0) - 1
  return { header: newest, isNewest: before === 0 ? damaged.length === 0 : sequences.has(before), damaged }
}

/** Writes the header into the slot that doesn't hold the one before it. The caller flushes. */
export function writeHeader(file: StoreFile, header: JournalHeader, kernel: Kernel): void {
  const encoded = encodeHeader(header, kernel)
  const slot = new Uint8Array(SECTOR_BYTES + HEADER_BYTES)
  for (const copy of COPIES_AT) slot.set(encoded, copy)
  writeFully(file, slot, slotOf(header.sequence))
}

/** The position of the slot of the header with this sequence. */
export function slotOf(sequence: number): number {
  return (sequence % 2) * FRAME_ALIGNMENT
}
