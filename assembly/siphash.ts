/**
 * SipHash-2-4 with 128 bits, under a key that the caller draws: two keys of records with one hash can't be made on purpose.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF"; test/kernel/siphash.test.ts has its vectors.
 */
let key0: u64 = 0
let key1: u64 = 0
let v0: u64 = 0
let v1: u64 = 0
let v2: u64 = 0
let v3: u64 = 0

export function siphash_key(low0: u32, high0: u32, low1: u32, high1: u32): void {
  key0 = word(high0, low0)
  key1 = word(high1, low1)
}

function word(high: u32, low: u32): u64 {
  return ((<u64>high) << 32) | low
}

function round(): void {
  v0 += v1
  v1 = rotl<u64>(v1, 13) ^ v0
  v0 = rotl<u64>(v0, 32)
  v2 += v3
  v3 = rotl<u64>(v3, 16) ^ v2
  v0 += v3
  v3 = rotl<u64>(v3, 21) ^ v0
  v2 += v1
  v1 = rotl<u64>(v1, 17) ^ v2
  v2 = rotl<u64>(v2, 32)
}

/** Writes 16 bytes to `into`, which may lie in what is hashed. */
export function siphash(address: usize, length: u32, into: usize): void {
  v0 = key0 ^ word(0x736f6d65, 0x70736575)
  v1 = key1 ^ word(0x646f7261, 0x6e646f6d) ^ 0xee
  v2 = key0 ^ word(0x6c796765, 0x6e657261)
  v3 = key1 ^ word(0x74656462, 0x79746573)
  const rest = length & 7
  const wordsEnd = address + (length - rest)
  for (let at = address; at < wordsEnd; at += 8) compress(load<u64>(at))
  let last = (<u64>length) << 56
  for (let index: u32 = 0; index < rest; index++) last |= (<u64>load<u8>(wordsEnd + index)) << ((<u64>index) << 3)
  compress(last)
  v2 ^= 0xee
  finish()
  const low = v0 ^ v1 ^ v2 ^ v3
  v1 ^= 0xdd
  finish()
  store<u64>(into, low)
  store<u64>(into, v0 ^ v1 ^ v2 ^ v3, 8)
}

function compress(word: u64): void {
  v3 ^= word
  round()
  round()
  v0 ^= word
}

function finish(): void {
  round()
  round()
  round()
  round()
}
