const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

/** xxHash32 with seed 0, unsigned: the checksum of LZ4 frames. Source: the specification of Cyan4973/xxHash. */
export function xxhash32(bytes: Uint8Array, from: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = from
  let hash = PRIME_5
  if (end - from >= 16) {
    let one = (PRIME_1 + PRIME_2) | 0
    let two = PRIME_2 | 0
    let three = 0
    let four = -PRIME_1 | 0
    for (; at + 16 <= end; at += 16) {
      one = round(one, view.getUint32(at, true))
      two = round(two, view.getUint32(at + 4, true))
      three = round(three, view.getUint32(at + 8, true))
      four = round(four, view.getUint32(at + 12, true))
    }
    hash = (rotated(one, 1) + rotated(two, 7) + rotated(three, 12) + rotated(four, 18)) | 0
  }
  hash = (hash + (end - from)) | 0
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint32(at, true), PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; at < end; at++) hash = Math.imul(rotated((hash + Math.imul(view.getUint8(at), PRIME_5)) | 0, 11), PRIME_1)
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(sum: number, input: number): number {
  return Math.imul(rotated((sum + Math.imul(input, PRIME_2)) | 0, 13), PRIME_1)
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
