import { fourBytes } from './four-bytes.ts'

const MAGIC = 0xfd2fb528 | 0
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]
const CONTENT_SIZE_BYTES = [0, 2, 4, 8]
const BLOCK_HEADER_BYTES = 3
const RLE_BLOCK = 1

/**
 * Whether the bytes are one whole frame of zstd, by its header and those of its blocks (RFC 8878, 3.1.1): nothing is
 * decompressed.
 */
export function isWholeZstdFrame(bytes: Uint8Array): boolean {
  if (bytes.length < 5 || fourBytes(bytes, 0) !== MAGIC) return false
  const descriptor = bytes[4] as number
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSize = descriptor >> 6
  let at = 5 + (DICTIONARY_ID_BYTES[descriptor & 3] as number) + (CONTENT_SIZE_BYTES[contentSize] as number)
  // A single segment has no window; its content size is there always, in one byte at least.
  if (!isSingleSegment || contentSize === 0) at += 1
  for (let isLast = false; !isLast; ) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return false
    const header = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
    isLast = (header & 1) !== 0
    at += BLOCK_HEADER_BYTES + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3)
  }
  const checksumBytes = (descriptor & 0x04) === 0 ? 0 : 4
  return at + checksumBytes === bytes.length
}
