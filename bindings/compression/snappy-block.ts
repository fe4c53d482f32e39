import { badCompression, tooLarge } from '../model/compression.ts'
import { fourBytes } from './four-bytes.ts'

/**
 * One raw block of Snappy: length as a varint, then literals and copies of earlier output. Source: the format
 * description of google/snappy (format_description.txt).
 */

/** The longest copy gives 64 bytes for three, so a length beyond this factor is false. */
const GROWTH_MAX = 22
const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2
/** A copy reaches back no further than a block of the compressor. */
const BLOCK_BYTES = 65_536
const HASH_BITS = 14
const MATCH_MIN = 4
/** Up to this length a loop over bytes is faster than `set`. */
const SHORT_BYTES = 24
/** The last bytes are always literals, so that the search needs no bounds checks. */
const MARGIN_BYTES = 15

const table = new Uint16Array(1 << HASH_BITS)

/** The decompressed size, and where the elements begin. */
export function snappyLength(bytes: Uint8Array, from: number, end: number): { length: number; at: number } {
  let length = 0
  for (let at = from, shift = 0; at < end && shift < 35; shift += 7) {
    const group = bytes[at++] as number
    length += (group & 0x7f) * 2 ** shift
    if (group >= 0x80) continue
    if (length > (end - at) * GROWTH_MAX) throw badCompression('a snappy block is shorter than its length says')
    return { length, at }
  }
  throw badCompression('a snappy block has no length')
}

export function decompressSnappyBlock(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { length } = snappyLength(bytes, 0, bytes.length)
  if (length > maxBytes) throw tooLarge(maxBytes)
  const out = new Uint8Array(length)
  decodeSnappy(bytes, 0, bytes.length, out, 0)
  return out
}

/** Decompresses the block at `from` into `out` at `outAt`; returns where the output ends. */
export function decodeSnappy(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number): number {
  const { length, at: start } = snappyLength(bytes, from, end)
  const limit = outAt + length
  let at = start
  let to = outAt
  while (at < end) {
    const tag = bytes[at++] as number
    const kind = tag & 3
    if (kind === LITERAL) {
      let size = (tag >>> 2) + 1
      if (size > 60) {
        const lengthBytes = size - 60
        if (lengthBytes > end - at) throw badCompression('a snappy literal has no length')
        size = littleEndian(bytes, at, lengthBytes) + 1
        at += lengthBytes
      }
      if (size > end - at || size > limit - to) throw badCompression('a snappy literal is longer than its block')
      if (size > SHORT_BYTES) out.set(bytes.subarray(at, at + size), to)
      else for (let index = 0; index < size; index++) out[to + index] = bytes[at + index] as number
      at += size
      to += size
      continue
    }
    const offsetBytes = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4
    if (offsetBytes > end - at) throw badCompression('a snappy copy is cut off')
    const size = kind === COPY_1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    let offset = bytes[at] as number
    if (kind === COPY_1) offset |= (tag >>> 5) << 8
    else if (kind === COPY_2) offset |= (bytes[at + 1] as number) << 8
    else offset = littleEndian(bytes, at, 4)
    at += offsetBytes
    if (offset === 0 || offset > to - outAt || size > limit - to) throw badCompression('a snappy copy leaves its block')
    for (let copied = 0; copied < size; copied++, to++) out[to] = out[to - offset] as number
  }
  if (to !== limit) throw badCompression('a snappy block is shorter than its length says')
  return to
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] as number)
  return value
}

/** Most bytes that `length` bytes take when compressed, as in the reference. */
export function snappyBound(length: number): number {
  return 32 + length + Math.ceil(length / 6)
}

/** Compresses `bytes` from `from` up to `end` into `out`; returns where the output ends. */
export function encodeSnappy(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number): number {
  let to = outAt
  let length = end - from
  for (; length > 0x7f; length >>>= 7) out[to++] = (length & 0x7f) | 0x80
  out[to++] = length
  for (let start = from; start < end; start += BLOCK_BYTES) {
    to = encodePart(bytes, start, Math.min(start + BLOCK_BYTES, end), out, to)
  }
  return to
}

/**
 * Greedy, with one place for each hash. The longer nothing is found, the longer the steps: so bytes that can't be
 * compressed are passed quickly.
 */
function encodePart(bytes: Uint8Array, start: number, end: number, out: Uint8Array, outAt: number): number {
  table.fill(0)
  const searchEnd = end - MARGIN_BYTES
  let to = outAt
  let literals = start
  let misses = 32
  for (let at = start + 1; at < searchEnd; ) {
    const word = fourBytes(bytes, at)
    const hash = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const candidate = start + (table[hash] as number)
    table[hash] = at - start
    if (candidate >= at || fourBytes(bytes, candidate) !== word) {
      at += misses++ >>> 5
      continue
    }
    to = literal(bytes, literals, at, out, to)
    let matched = MATCH_MIN
    while (at + matched < end && bytes[at + matched] === bytes[candidate + matched]) matched++
    to = copy(at - candidate, matched, out, to)
    at += matched
    literals = at
    misses = 32
  }
  return literal(bytes, literals, end, out, to)
}

function literal(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number): number {
  const size = end - from
  if (size === 0) return outAt
  let to = outAt
  if (size <= 60) out[to++] = (size - 1) << 2
  else if (size <= 256) {
    out[to++] = 60 << 2
    out[to++] = size - 1
  } else {
    out[to++] = 61 << 2
    out[to++] = (size - 1) & 0xff
    out[to++] = (size - 1) >>> 8
  }
  out.set(bytes.subarray(from, end), to)
  return to + size
}

function copy(offset: number, length: number, out: Uint8Array, outAt: number): number {
  let to = outAt
  let left = length
  // At least four bytes are left for the last copy: the short kind has no fewer.
  for (; left > 67; left -= 64) to = longCopy(offset, 64, out, to)
  if (left > 64) {
    to = longCopy(offset, 60, out, to)
    left -= 60
  }
  if (left > 11 || offset >= 2048) return longCopy(offset, left, out, to)
  out[to++] = COPY_1 | ((left - 4) << 2) | ((offset >>> 8) << 5)
  out[to++] = offset & 0xff
  return to
}

function longCopy(offset: number, length: number, out: Uint8Array, to: number): number {
  out[to] = COPY_2 | ((length - 1) << 2)
  out[to + 1] = offset & 0xff
  out[to + 2] = offset >>> 8
  return to + 3
}
