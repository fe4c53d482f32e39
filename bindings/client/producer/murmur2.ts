const M = 0x5bd1e995
const SEED = 0x9747b28c

/** The hash by which Kafka's Java client places keys, as a signed 32-bit number. Source: Kafka's Utils.murmur2. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
    word = Math.imul(word, M)
    word ^= word >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const rest = length - at
  if (rest > 0) {
    let tail = 0
    for (let index = rest - 1; index >= 0; index--) tail = (tail << 8) | byte(bytes, at + index)
    hash = Math.imul(hash ^ tail, M)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

const encoder = new TextEncoder()

/**
 * The hash of a text's UTF-8. Nothing is encoded where every character takes one byte: this holds for most keys, and a
 * call of the encoder costs more than ten such hashes.
 */
export function murmur2OfText(text: string): number {
  const { length } = text
  let hash = SEED ^ length
  let all = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    all |= a | b | c | d
    let word = Math.imul(a | (b << 8) | (c << 16) | (d << 24), M)
    word ^= word >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  if (at < length) {
    let tail = 0
    for (let index = length - 1; index >= at; index--) {
      const unit = text.charCodeAt(index)
      all |= unit
      tail = (tail << 8) | unit
    }
    hash = Math.imul(hash ^ tail, M)
  }
  if (all > 0x7f) return murmur2(encoder.encode(text))
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
