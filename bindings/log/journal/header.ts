import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_ALIGNMENT, JOURNAL_VERSION } from './layout.ts'

const MAGIC = 0x4f4c4f47 // 'OLOG'
const SLOT_BYTES = 64

/** What one opening of the log says about itself, for the next one. */
export interface JournalHeader {
  /** Grows with every write of the header: of two valid slots the greater one counts. */
  readonly sequence: number
  /** One per opening. Frames carry it; a foreign one in the header means that somebody else opened the directory. */
  readonly generation: number
  /** Given to batches; raised by every unclean open (durability rule 5). */
  readonly leaderEpoch: number
  readonly ringFileBytes: number
  /** Drawn once per directory. Frames carry it, so that no record's content can pass for a frame. */
  readonly nonce: number
  readonly clean: boolean
  /** The checkpoint that was the newest when the header was written. */
  readonly checkpointSequence: number
}

export function encodeHeader(header: JournalHeader, kernel: Kernel): Uint8Array {
  const writer = new ByteWriter(SLOT_BYTES)
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

/** `undefined` for a slot that was never written or is torn; a newer version is refused by name. */
export function decodeHeader(bytes: Uint8Array, kernel: Kernel, file: string): JournalHeader | undefined {
  if (bytes.length < 52) return undefined
  const reader = new ByteReader(bytes, file)
  if (reader.uint32() !== MAGIC) return undefined
  const version = reader.uint16()
  const flags = reader.uint16()
  if (kernel.crc32cOf(bytes.subarray(0, 48)) !== new ByteReader(bytes.subarray(48), file).uint32()) return undefined
  if (version > JOURNAL_VERSION) {
    throw new LogError('UNSUPPORTED_VERSION', `${file} has version ${version}; this oncelog knows ${JOURNAL_VERSION}`, {
      file,
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

/** The valid header of the two slots that is newest, and which slots hold anything at all. */
export function readHeader(file: StoreFile, kernel: Kernel): { header: JournalHeader | undefined; written: boolean } {
  let newest: JournalHeader | undefined
  let written = false
  for (const slot of [0, 1]) {
    const bytes = new Uint8Array(SLOT_BYTES)
    const count = file.read(bytes, slot * FRAME_ALIGNMENT)
    if (bytes.subarray(0, count).some((byte) => byte !== 0)) written = true
    const header = decodeHeader(bytes.subarray(0, count), kernel, file.path)
    if (header !== undefined && (newest === undefined || header.sequence > newest.sequence)) newest = header
  }
  return { header: newest, written }
}

/** Into the slot that does not hold the header before it; the caller flushes. */
export function writeHeader(file: StoreFile, header: JournalHeader, kernel: Kernel): void {
  writeFully(file, encodeHeader(header, kernel), (header.sequence % 2) * FRAME_ALIGNMENT)
}
