import { badCompression, type CompressionCodec, tooLarge } from '../model/compression.ts'
import { decodeLz4, encodeLz4, lz4Bound, lz4Length } from './lz4-block.ts'
import { xxhash32 } from './xxhash32.ts'

/**
 * The LZ4 frame, little-endian: magic, FLG, BD, header checksum, blocks, end mark. Written as Kafka's Java client
 * writes it (kafka.md 1.4). Reads what other clients write, too: checksums, content size, blocks that refer to earlier
 * blocks. Source: the frame format of lz4/lz4 (lz4_Frame_format.md).
 */
const MAGIC = 0x184d2204
const VERSION_1 = 0x40
const INDEPENDENT = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
const RESERVED_FLG = 0x02
const RESERVED_BD = 0x8f
const BLOCK_64_KIB = 0x40
const BLOCK_BYTES = 65_536
/** Top bit of a block's length: it is stored as it is. */
const IS_STORED = 0x8000_0000
const WINDOW_BYTES = 65_536

export const lz4: CompressionCodec = { compress, decompress }

function compress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES)
  const out = new Uint8Array(7 + blocks * (4 + lz4Bound(BLOCK_BYTES)) + 4)
  const view = new DataView(out.buffer)
  view.setUint32(0, MAGIC, true)
  out[4] = VERSION_1 | INDEPENDENT
  out[5] = BLOCK_64_KIB
  out[6] = headerChecksum(out, 4, 6)
  let to = 7
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, Math.min(from + BLOCK_BYTES, bytes.length))
    const size = encodeLz4(block, 0, block.length, out, to + 4) - to - 4
    const isStored = size >= block.length
    if (isStored) out.set(block, to + 4)
    view.setUint32(to, isStored ? IS_STORED + block.length : size, true)
    to += 4 + Math.min(size, block.length)
  }
  // The end mark is written out: a block that was compressed in vain, and then stored, may have left bytes here.
  view.setUint32(to, 0, true)
  return out.slice(0, to + 4)
}

function headerChecksum(bytes: Uint8Array, from: number, end: number): number {
  return (xxhash32(bytes, from, end) >>> 8) & 0xff
}

interface Frame {
  readonly flg: number
  /** Where the first block's length stands, and where the end mark does. */
  readonly blocksFrom: number
  readonly blocksEnd: number
  readonly contentBytes: number
  readonly contentChecksum: number | undefined
}

/** Goes through the blocks a second time: a list of them, millions perhaps, may take more memory than the content. */
function decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { flg, blocksFrom, blocksEnd, contentBytes, contentChecksum } = frameOf(bytes, view, maxBytes)
  const isIndependent = (flg & INDEPENDENT) !== 0
  const checksumBytes = (flg & BLOCK_CHECKSUM) === 0 ? 0 : 4
  const out = new Uint8Array(contentBytes)
  let to = 0
  for (let at = blocksFrom; at < blocksEnd; ) {
    const word = view.getUint32(at, true)
    const from = at + 4
    const end = from + (word % IS_STORED)
    if (word >= IS_STORED) {
      out.set(bytes.subarray(from, end), to)
      to += end - from
    } else {
      to = decodeLz4(bytes, from, end, out, to, isIndependent ? to : Math.max(0, to - WINDOW_BYTES))
    }
    at = end + checksumBytes
  }
  if (contentChecksum !== undefined && xxhash32(out, 0, contentBytes) !== contentChecksum) {
    throw badCompression('the content of an LZ4 frame has another checksum')
  }
  return out
}

interface FrameHeader {
  readonly flg: number
  readonly blockBytesMax: number
  readonly contentSize: number | undefined
  /** Where the first block's length stands. */
  readonly end: number
}

function headerOf(bytes: Uint8Array, view: DataView): FrameHeader {
  if (bytes.length < 7 || view.getUint32(0, true) !== MAGIC) throw badCompression('no LZ4 frame')
  const flg = view.getUint8(4)
  const bd = view.getUint8(5)
  const isOfVersion1 = (flg & 0xc0) === VERSION_1
  if (!isOfVersion1 || (flg & (DICTIONARY | RESERVED_FLG)) !== 0 || (bd & RESERVED_BD) !== 0 || bd < BLOCK_64_KIB) {
    throw badCompression('an LZ4 frame of another kind')
  }
  let at = 6
  let contentSize: number | undefined
  if ((flg & CONTENT_SIZE) !== 0) {
    if (bytes.length < 15) throw cut()
    contentSize = view.getUint32(6, true) + view.getUint32(10, true) * 2 ** 32
    at = 14
  }
  if (view.getUint8(at) !== headerChecksum(bytes, 4, at)) throw badCompression('an LZ4 header has another checksum')
  return { flg, blockBytesMax: 4 ** ((bd >>> 4) - 4) * BLOCK_BYTES, contentSize, end: at + 1 }
}

/** Reads the whole frame first: so memory for its content is allocated once, and none if it is too large. */
function frameOf(bytes: Uint8Array, view: DataView, maxBytes: number): Frame {
  const { flg, blockBytesMax, contentSize, end: blocksFrom } = headerOf(bytes, view)
  let contentBytes = 0
  let at = blocksFrom
  const next = (): number => {
    if (bytes.length - at < 4) throw cut()
    const word = view.getUint32(at, true)
    at += 4
    return word
  }
  for (let word = next(); word !== 0; word = next()) {
    const isStored = word >= IS_STORED
    const size = word % IS_STORED
    const end = at + size
    if (size === 0 || end > bytes.length) throw cut()
    const plainBytes = isStored ? size : lz4Length(bytes, at, end)
    if (plainBytes > blockBytesMax) throw badCompression('an LZ4 block is larger than its frame allows')
    contentBytes += plainBytes
    if (contentBytes > maxBytes) throw tooLarge(maxBytes)
    at = end
    if ((flg & BLOCK_CHECKSUM) !== 0 && next() !== xxhash32(bytes, end - size, end)) {
      throw badCompression('an LZ4 block has another checksum')
    }
  }
  const blocksEnd = at - 4
  const contentChecksum = (flg & CONTENT_CHECKSUM) !== 0 ? next() : undefined
  if (at !== bytes.length) throw badCompression('bytes after the end of an LZ4 frame')
  if (contentSize !== undefined && contentSize !== contentBytes)
    throw badCompression('an LZ4 frame is shorter than it says')
  return { flg, blocksFrom, blocksEnd, contentBytes, contentChecksum }
}

function cut(): Error {
  return badCompression('an LZ4 frame is cut off')
}
