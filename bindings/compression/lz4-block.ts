import { badCompression } from '../model/compression.ts'
import { fourBytes } from './four-bytes.ts'

/**
 * One block of LZ4: sequences of literals and a match each, the last one without a match. Source: the block format of
 * lz4/lz4 (lz4_Block_format.md).
 */
const MATCH_MIN = 4
/** The last five bytes are literals, and the last match begins twelve bytes before the end at the latest. */
const LAST_LITERALS = 5
const LAST_MATCH = 12
const HASH_BITS = 14
/** Up to this length a loop over bytes is faster than `set`. */
const SHORT_BYTES = 24

const table = new Uint16Array(1 << HASH_BITS)

/** Size of the decompressed block; nothing is copied. */
export function lz4Length(bytes: Uint8Array, from: number, end: number): number {
  let length = 0
  let at = from
  while (at < end) {
    const token = bytes[at++] as number
    let size = token >>> 4
    if (size === 15) {
      let more: number
      do {
        if (at >= end) throw cut()
        more = bytes[at++] as number
        size += more
      } while (more === 255)
    }
    at += size
    length += size
    if (at === end) return length
    if (at + 2 > end) throw cut()
    at += 2
    size = token & 15
    if (size === 15) {
      let more: number
      do {
        if (at >= end) throw cut()
        more = bytes[at++] as number
        size += more
      } while (more === 255)
    }
    length += size + MATCH_MIN
  }
  // A block ends with literals.
  throw cut()
}

/**
 * Decompresses a block that `lz4Length` has checked into `out`, which has room for it. Matches reach back to `floor`.
 * Returns where the output ends.
 */
export function decodeLz4(
  bytes: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
  outAt: number,
  floor: number,
): number {
  let at = from
  let to = outAt
  for (;;) {
    const token = bytes[at++] as number
    let size = token >>> 4
    if (size === 15) {
      let more: number
      do size += more = bytes[at++] as number
      while (more === 255)
    }
    if (size > SHORT_BYTES) out.set(bytes.subarray(at, at + size), to)
    else for (let index = 0; index < size; index++) out[to + index] = bytes[at + index] as number
    at += size
    to += size
    if (at >= end) return to
    const offset = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    at += 2
    size = (token & 15) + MATCH_MIN
    if (size === 15 + MATCH_MIN) {
      let more: number
      do size += more = bytes[at++] as number
      while (more === 255)
    }
    if (offset === 0 || offset > to - floor) throw badCompression('an LZ4 match reaches before its block')
    for (let index = 0; index < size; index++, to++) out[to] = out[to - offset] as number
  }
}

function cut(): Error {
  return badCompression('an LZ4 block is cut off')
}

export function lz4Bound(length: number): number {
  return length + Math.ceil(length / 255) + 16
}

/**
 * Compresses at most 64 KiB of `bytes` into `out`, which has room for `lz4Bound`; returns where the output ends.
 * Greedy.
 */
export function encodeLz4(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number): number {
  table.fill(0)
  const searchEnd = end - LAST_MATCH
  const matchEnd = end - LAST_LITERALS
  let to = outAt
  let literals = from
  let misses = 64
  for (let at = from + 1; at < searchEnd; ) {
    const word = fourBytes(bytes, at)
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const candidate = from + (table[hash] as number)
    table[hash] = at - from
    if (candidate >= at || fourBytes(bytes, candidate) !== word) {
      at += misses++ >>> 6
      continue
    }
    let matched = MATCH_MIN
    while (at + matched < matchEnd && bytes[at + matched] === bytes[candidate + matched]) matched++
    to = sequence(bytes, literals, at, matched - MATCH_MIN, out, to)
    out[to++] = (at - candidate) & 0xff
    out[to++] = (at - candidate) >>> 8
    if (matched - MATCH_MIN >= 15) to = lengthRest(matched - MATCH_MIN - 15, out, to)
    at += matched
    literals = at
    misses = 64
  }
  return sequence(bytes, literals, end, 0, out, to)
}

/** Writes token and literals; the match's offset and the rest of its length follow. */
function sequence(
  bytes: Uint8Array,
  from: number,
  end: number,
  matched: number,
  out: Uint8Array,
  outAt: number,
): number {
  const size = end - from
  let to = outAt
  out[to++] = (Math.min(size, 15) << 4) | Math.min(matched, 15)
  if (size >= 15) to = lengthRest(size - 15, out, to)
  out.set(bytes.subarray(from, end), to)
  return to + size
}

function lengthRest(rest: number, out: Uint8Array, outAt: number): number {
  let to = outAt
  let left = rest
  for (; left >= 255; left -= 255) out[to++] = 255
  out[to++] = left
  return to
}
