/**
 * SipHash-2-4 with 128 bits. The caller draws the key at random, so nobody can make two record keys with one hash.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF"; test/kernel/siphash.test.ts has its vectors.
 */
let key0: u64 = 0
let key1: u64 = 0
export function siphash_key(low0: u32, high0: u32, low1: u32, high1: u32): void {
  key0 = word(high0, low0)
  key1 = word(high1, low1)
}

function word(high: u32, low: u32): u64 {
  return ((<u64>high) << 32) | low
}

/**
 * Writes 16 bytes to `into`, which may lie within the hashed bytes. All rounds run in one loop, which keeps the state
 * in registers: two rounds for each word, the last word with the length, then twice four rounds, each followed by half
 * of the hash.
 */
export function siphash(address: usize, length: u32, into: usize): void {
  let v0 = key0 ^ word(0x736f6d65, 0x70736575)
  let v1 = key1 ^ word(0x646f7261, 0x6e646f6d) ^ 0xee
  let v2 = key0 ^ word(0x6c796765, 0x6e657261)
  let v3 = key1 ^ word(0x74656462, 0x79746573)
  const words = length >>> 3
  let low: u64 = 0
  for (let step: u32 = 0; step < words + 3; step++) {
    let message: u64 = 0
    let rounds = 2
    if (step < words) message = load<u64>(address + (step << 3))
    else if (step === words) message = lastWord(address + (words << 3), length)
    else {
      rounds = 4
      if (step === words + 1) v2 ^= 0xee
      else {
        low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
      }
    }
    v3 ^= message
    for (; rounds > 0; rounds--) {
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
    v0 ^= message
  }
  store<u64>(into, low)
  store<u64>(into, v0 ^ v1 ^ v2 ^ v3, 8)
}

/** The last bytes, fewer than a word, with the length in the highest byte. */
function lastWord(address: usize, length: u32): u64 {
  let last = (<u64>length) << 56
  for (let index: u32 = 0; index < (length & 7); index++)
    last |= (<u64>load<u8>(address + index)) << ((<u64>index) << 3)
  return last
}
