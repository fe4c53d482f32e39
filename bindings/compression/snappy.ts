import { badCompression, type CompressionCodec, tooLarge } from '../model/compression.ts'
import { decodeSnappy, decompressSnappyBlock, encodeSnappy, snappyBound, snappyLength } from './snappy-block.ts'

/**
 * Kafka's two shapes of snappy (kafka.md 1.4): the frame of snappy-java, which Java clients write, as we do, and one
 * raw block, as librdkafka writes it.
 *   frame: 8 bytes magic, int32 version 1, int32 compatible version 1, then chunks: int32 length, one raw block
 */
const MAGIC: readonly number[] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
const FRAME_HEADER_BYTES = 16
const VERSION = 1
const CHUNK_BYTES = 32 * 1024

export const snappy: CompressionCodec = { compress, decompress }

function compress(bytes: Uint8Array): Uint8Array {
  const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES))
  const out = new Uint8Array(FRAME_HEADER_BYTES + chunks * (4 + snappyBound(CHUNK_BYTES)))
  const view = new DataView(out.buffer)
  out.set(MAGIC)
  view.setInt32(8, VERSION)
  view.setInt32(12, VERSION)
  let to = FRAME_HEADER_BYTES
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const end = encodeSnappy(bytes, from, Math.min(from + CHUNK_BYTES, bytes.length), out, to + 4)
    view.setInt32(to, end - to - 4)
    to = end
  }
  return out.slice(0, to)
}

function decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!MAGIC.every((each, index) => bytes[index] === each)) return decompressSnappyBlock(bytes, maxBytes)
  if (bytes.length < FRAME_HEADER_BYTES) throw badCompression('the header of a snappy frame is cut off')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let total = 0
  for (let at = FRAME_HEADER_BYTES; at < bytes.length; at = endOfChunk(view, at)) {
    total += snappyLength(bytes, at + 4, endOfChunk(view, at)).length
  }
  if (total > maxBytes) throw tooLarge(maxBytes)
  const out = new Uint8Array(total)
  let to = 0
  for (let at = FRAME_HEADER_BYTES; at < bytes.length; at = endOfChunk(view, at)) {
    to = decodeSnappy(bytes, at + 4, endOfChunk(view, at), out, to)
  }
  return out
}

/** Not a list of all of them: it may take more memory than what comes out. */
function endOfChunk(view: DataView, at: number): number {
  if (view.byteLength - at < 4) throw badCompression('a snappy chunk has no length')
  const length = view.getInt32(at)
  const from = at + 4
  if (length < 1 || length > view.byteLength - from) throw badCompression('a snappy chunk is cut off')
  return from + length
}
