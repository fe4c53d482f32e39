import type { Random } from '../../bindings/testkit/simulation/random.ts'
import { joined } from '../joined.ts'
import type { Bytes, FuzzTarget } from './target.ts'

const WAYS_MAX = 4
const BLOCK_BYTES_MAX = 24
const EDGE_BYTES = [0, 1, 0x7f, 0x80, 0xff] as const
/** Where lengths, counts and offsets turn over. */
const EDGE_NUMBERS = [
  0,
  1,
  2,
  -1,
  0x7f,
  0x80,
  0xff,
  0xffff,
  0x7fff_ffff,
  -0x8000_0000,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
]

type Way = (bytes: Bytes, at: number, random: Random, target: FuzzTarget) => Bytes

const WAYS: readonly Way[] = [
  function flipBit(bytes, at, random) {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    return bytes
  },
  function edgeByte(bytes, at, random) {
    bytes[at] = EDGE_BYTES[random.below(EDGE_BYTES.length)] ?? 0
    return bytes
  },
  function anyByte(bytes, at, random) {
    bytes[at] = random.below(256)
    return bytes
  },
  function number(bytes, at, random) {
    const view = new DataView(bytes.buffer)
    const isLittle = random.chance(0.3)
    const value = random.chance(0.7)
      ? (EDGE_NUMBERS[random.below(EDGE_NUMBERS.length)] ?? 0)
      : Math.floor((random.unit() - 0.5) * 2 ** 32)
    switch (random.below(4)) {
      case 0:
        if (at + 8 <= bytes.length) view.setBigInt64(at, BigInt(value), isLittle)
        break
      case 1:
        if (at + 8 <= bytes.length) view.setFloat64(at, value, isLittle)
        break
      case 2:
        if (at + 2 <= bytes.length) view.setInt16(at, value, isLittle)
        break
      default:
        if (at + 4 <= bytes.length) view.setInt32(at, value, isLittle)
    }
    return bytes
  },
  function nudge(bytes, at, random) {
    bytes[at] = (bytes[at] ?? 0) + 1 - 2 * random.below(2)
    return bytes
  },
  function cut(bytes, at) {
    return bytes.slice(0, at)
  },
  function take(bytes, at, random) {
    return joined([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(BLOCK_BYTES_MAX))])
  },
  function repeat(bytes, at, random) {
    const from = random.below(at + 1)
    const block = bytes.subarray(from, from + 1 + random.below(BLOCK_BYTES_MAX))
    return joined([bytes.subarray(0, at), block, bytes.subarray(at)])
  },
  function move(bytes, at, random) {
    const from = random.below(bytes.length + 1)
    bytes.copyWithin(at, from, from + 1 + random.below(BLOCK_BYTES_MAX))
    return bytes
  },
  function splice(bytes, at, random, { whole }) {
    const other = whole[random.below(whole.length)] as Bytes
    return joined([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))])
  },
  function append(bytes, _, random, { whole }) {
    const other = whole[random.below(whole.length)] as Bytes
    return joined([bytes, other.subarray(0, random.below(other.length + 1))])
  },
]

/** The input of one case: a whole one mutated in one to four ways. Seed and number decide all of it. */
export function mutated(target: FuzzTarget, random: Random): Bytes {
  let bytes = (target.whole[random.below(target.whole.length)] as Bytes).slice()
  for (let ways = 1 + random.below(WAYS_MAX); ways > 0; ways--) {
    const way = WAYS[random.below(WAYS.length)] as Way
    // Heads have most of what decides.
    const reach = random.chance(0.3) ? Math.min(bytes.length, 64) : bytes.length
    if (bytes.length > 0) bytes = way(bytes, random.below(reach), random, target)
  }
  if (target.reseal !== undefined && random.chance(0.5)) target.reseal(bytes)
  return bytes
}
