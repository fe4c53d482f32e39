/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) by folding with sparse multiples of the polynomial.
 *
 * Let P be the polynomial of degree 32. Where Z is a multiple of P with few terms, adding Z * x^k to the message leaves
 * its remainder unchanged and cancels one bit; done for every bit in turn, only the last `degree` bits remain. Squaring
 * three times multiplies the exponents by eight, so the distances may count bytes, and sixteen are done at once:
 *
 *   w[i] = data[i] xor w[i - d1] xor ... xor w[i - dk]      (every d at least 16, w = 0 before the start)
 *   rest[j] = data[end + j] xor the same taps, those at or after `end` taken as 0
 *
 * Multiples used (found by search, test/kernel/crc32c.test.ts checks that P divides them):
 *   98:   x^98 + x^77 + x^51 + x^38 + x^33 + x^28 + x^4 + 1     distances 21 47 60 65 70 94 98, in registers
 *   5275: x^5275 + x^4508 + x^2751 + 1                          distances 767 2524 5275, in a window of memory
 *
 * Everything here takes and gives the raw register; the inversion at both ends is crc32c's.
 */
import { CRC_LONG_REST, CRC_SHORT_REST, CRC_TABLES, CRC_WINDOW } from './layout'

/** Below this the sixteen tables win; measured. */
const REGISTERS_FROM: u32 = 210
/** Above this three loads beat seven shuffles; measured on V8. */
const WINDOW_FROM: u32 = 20480

const SHORT_DEGREE: u32 = 98
const LONG_DEGREE: u32 = 5275
/** LONG_DEGREE rounded up to vectors. */
const HISTORY: usize = 5280
const CHUNK: usize = 16384

export function crc_start(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1))
    store<u32>(CRC_TABLES + (byte << 2), crc)
  }
  for (let slice: u32 = 1; slice < 16; slice++) {
    for (let byte: u32 = 0; byte < 256; byte++) {
      const before = load<u32>(CRC_TABLES + ((slice - 1) << 10) + (byte << 2))
      const after = (before >>> 8) ^ load<u32>(CRC_TABLES + ((before & 0xff) << 2))
      store<u32>(CRC_TABLES + (slice << 10) + (byte << 2), after)
    }
  }
}

/** Byte `n` of a word as a place in a table of four-byte entries: one shift and one mask. */
function place(word: u64, shift: u64): usize {
  return <usize>(word >>> shift) & 0x3fc
}

function bySlices(register: u32, address: usize, length: u32): u32 {
  const end = address + length
  const vectorsEnd = address + (length & ~15)
  for (; address < vectorsEnd; address += 16) {
    // Only the first four bytes depend on the register; the other twelve are combined meanwhile. The expression is flat
    // because the compiler keeps the order of the xors.
    const first = load<u32>(address) ^ register
    const low = load<u64>(address)
    const high = load<u64>(address, 8)
    const others =
      load<u32>(place(low, 30), CRC_TABLES + 0x2c00) ^
      load<u32>(place(low, 38), CRC_TABLES + 0x2800) ^
      (load<u32>(place(low, 46), CRC_TABLES + 0x2400) ^ load<u32>(place(low, 54), CRC_TABLES + 0x2000)) ^
      (load<u32>(place(high << 2, 0), CRC_TABLES + 0x1c00) ^
        load<u32>(place(high, 6), CRC_TABLES + 0x1800) ^
        (load<u32>(place(high, 14), CRC_TABLES + 0x1400) ^ load<u32>(place(high, 22), CRC_TABLES + 0x1000))) ^
      (load<u32>(place(high, 30), CRC_TABLES + 0x0c00) ^
        load<u32>(place(high, 38), CRC_TABLES + 0x0800) ^
        (load<u32>(place(high, 46), CRC_TABLES + 0x0400) ^ load<u32>(place(high, 54), CRC_TABLES + 0x0000)))
    register =
      load<u32>(place((<u64>first) << 2, 0), CRC_TABLES + 0x3c00) ^
      load<u32>(place(first, 6), CRC_TABLES + 0x3800) ^
      (load<u32>(place(first, 14), CRC_TABLES + 0x3400) ^ load<u32>(place(first, 22), CRC_TABLES + 0x3000)) ^
      others
  }
  for (; address + 4 <= end; address += 4) {
    const word = load<u32>(address) ^ register
    register =
      load<u32>(place((<u64>word) << 2, 0), CRC_TABLES + 0x0c00) ^
      load<u32>(place(word, 6), CRC_TABLES + 0x0800) ^
      (load<u32>(place(word, 14), CRC_TABLES + 0x0400) ^ load<u32>(place(word, 22), CRC_TABLES + 0x0000))
  }
  for (; address < end; address++)
    register = (register >>> 8) ^ load<u32>(CRC_TABLES + (((register ^ load<u8>(address)) & 0xff) << 2))
  return register
}

/** One vector of the recurrence of degree 98; `a` is the vector just before, `g` the seventh before. */
// biome-ignore format: one tap a line, the sixteen lanes beside it
function fold(data: v128, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128): v128 {
  const tap98 = i8x16.shuffle(g, f, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
  const tap94 = i8x16.shuffle(f, e, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
  const tap70 = i8x16.shuffle(e, d, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
  const tap65 = i8x16.shuffle(e, d, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
  const tap60 = i8x16.shuffle(d, c, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
  const tap47 = i8x16.shuffle(c, b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
  const tap21 = i8x16.shuffle(b, a, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)
  // The tap that waits for the vector just before comes last, so that the others are ready by then.
  return v128.xor(
    v128.xor(v128.xor(v128.xor(data, tap98), v128.xor(tap94, tap70)), v128.xor(tap65, v128.xor(tap60, tap47))),
    tap21,
  )
}

/**
 * Zero bytes are imagined in front, so that whole vectors end exactly 98 bytes before the end: leading zeros don't
 * change a remainder. The register lies over the first four real bytes. Reads up to 15 bytes before `address`, never
 * after the end; `length` is at least REGISTERS_FROM.
 */
function byRegisters(register: u32, address: usize, length: u32): u32 {
  const padding = <i32>(-(length - SHORT_DEGREE) & 15)
  let at = address - padding
  let vectors = (length - SHORT_DEGREE + padding) >>> 4

  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const shift = i8x16.splat(<i8>padding)
  const seed = i32x4.replace_lane(i32x4.splat(0), 0, register)
  // Lane numbers that leave 0..15 choose zero.
  const first = v128.xor(
    v128.and(v128.load(at), i8x16.ge_s(lanes, shift)),
    i8x16.swizzle(seed, i8x16.sub(lanes, shift)),
  )
  const secondSeed = i8x16.swizzle(seed, i8x16.sub(i8x16.add(lanes, i8x16.splat(16)), shift))
  const zero = i32x4.splat(0)
  let a = first
  let b = zero
  let c = zero
  let d = zero
  let e = zero
  let f = zero
  let g = zero
  let next = fold(v128.xor(v128.load(at, 16), secondSeed), a, b, c, d, e, f, g)
  b = a
  a = next
  at += 32
  vectors -= 2

  for (let odd = vectors % 7; odd > 0; odd--) {
    next = fold(v128.load(at), a, b, c, d, e, f, g)
    g = f
    f = e
    e = d
    d = c
    c = b
    b = a
    a = next
    at += 16
  }
  const end = address + length - SHORT_DEGREE
  for (; at < end; at += 112) {
    g = fold(v128.load(at), a, b, c, d, e, f, g)
    f = fold(v128.load(at, 16), g, a, b, c, d, e, f)
    e = fold(v128.load(at, 32), f, g, a, b, c, d, e)
    d = fold(v128.load(at, 48), e, f, g, a, b, c, d)
    c = fold(v128.load(at, 64), d, e, f, g, a, b, c)
    b = fold(v128.load(at, 80), c, d, e, f, g, a, b)
    a = fold(v128.load(at, 96), b, c, d, e, f, g, a)
  }
  v128.store(CRC_SHORT_REST, fold(v128.load(at), a, b, c, d, e, f, g))
  v128.store(CRC_SHORT_REST, fold(v128.load(at, 16), zero, a, b, c, d, e, f), 16)
  v128.store(CRC_SHORT_REST, fold(v128.load(at, 32), zero, zero, a, b, c, d, e), 32)
  v128.store(CRC_SHORT_REST, fold(v128.load(at, 48), zero, zero, zero, a, b, c, d), 48)
  v128.store(CRC_SHORT_REST, fold(v128.load(at, 64), zero, zero, zero, zero, a, b, c), 64)
  v128.store(CRC_SHORT_REST, fold(v128.load(at, 80), zero, zero, zero, zero, zero, a, b), 80)
  const lastTwo = i16x8.replace_lane(zero, 0, load<i16>(at, 96))
  v128.store(CRC_SHORT_REST, fold(lastTwo, zero, zero, zero, zero, zero, zero, a), 96)
  return bySlices(0, CRC_SHORT_REST, SHORT_DEGREE)
}

/** Writes w to the window, one chunk at a time after its own history. `length` is at least LONG_DEGREE + 32. */
function byWindow(register: u32, address: usize, length: u32): u32 {
  let left: usize = (length - LONG_DEGREE) & ~15
  let data = address
  memory.fill(CRC_WINDOW, 0, HISTORY)
  // Tap 5275 brings the register to the first four bytes; the nearer taps would place it before the start.
  store<u32>(CRC_WINDOW + HISTORY - LONG_DEGREE, register)
  let at: usize = CRC_WINDOW + HISTORY
  while (left > 0) {
    const bytes = left < CHUNK ? left : CHUNK
    const end = CRC_WINDOW + HISTORY + bytes
    at = CRC_WINDOW + HISTORY
    // Four vectors a turn, and the taps by places that the load itself adds: measured, 3 to 9 %.
    for (; at + 64 <= end; at += 64) {
      longVector(data, at)
      longVector(data + 16, at + 16)
      longVector(data + 32, at + 32)
      longVector(data + 48, at + 48)
      data += 64
    }
    for (; at < end; at += 16) {
      longVector(data, at)
      data += 16
    }
    memory.copy(CRC_WINDOW, at - HISTORY, HISTORY)
    left -= bytes
  }

  memory.fill(CRC_WINDOW + HISTORY, 0, HISTORY + 16)
  const restLength = <u32>(address + length - data)
  const vectorsEnd = CRC_LONG_REST + (restLength & ~15)
  let rest: usize = CRC_LONG_REST
  for (at = CRC_WINDOW + HISTORY; rest < vectorsEnd; at += 16) {
    v128.store(rest, longTaps(data, at - LONG_DEGREE))
    data += 16
    rest += 16
  }
  const end = address + length
  for (; data < end; data++) {
    store<u8>(rest, load<u8>(data) ^ load<u8>(at - 767) ^ load<u8>(at - 2524) ^ load<u8>(at - 5275))
    rest++
    at++
  }
  return byRegisters(0, CRC_LONG_REST, restLength)
}

function longVector(data: usize, at: usize): void {
  const start = at - LONG_DEGREE
  v128.store(start, longTaps(data, start), 5275)
}

/** `start` lies LONG_DEGREE before the vector, so that the exponents of the multiple are the places of its taps. */
function longTaps(data: usize, start: usize): v128 {
  const far = v128.xor(v128.load(data), v128.load(start))
  return v128.xor(far, v128.xor(v128.load(start, 2751), v128.load(start, 4508)))
}

/** Continues from the CRC of what came before; 0 to begin. */
export function crc32c(before: u32, address: usize, length: u32): u32 {
  if (length < REGISTERS_FROM) return ~bySlices(~before, address, length)
  if (length < WINDOW_FROM) return ~byRegisters(~before, address, length)
  return ~byWindow(~before, address, length)
}
