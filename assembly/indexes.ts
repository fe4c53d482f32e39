/**
 * Kafka's index files in memory, byte for byte, searched where they lie.
 * .index: 8-byte entries, relative last offset i32, position i32. .timeindex: 12-byte entries, timestamp i64, relative
 * offset i32. Big-endian, ascending. Source: apache/kafka OffsetIndex, TimeIndex (4.0).
 */
import { load32, load64, store32, store64 } from './bytes'

export function offset_index_append(entry: usize, relativeOffset: u32, position: u32): void {
  store32(entry, relativeOffset)
  store32(entry + 4, position)
}

/**
 * How many entries have a relative offset at or below `target`. The search quarters the range without branches: the
 * processor has nothing to predict, and the three loads of a step wait for memory at the same time.
 */
function entriesAtOrBelow(entries: usize, count: u32, target: i32): u32 {
  if (count === 0) return 0
  let base = entries
  while (count > 3) {
    const quarter = count >>> 2
    const bytes: usize = quarter << 3
    const first = base + bytes
    const second = first + bytes
    const third = second + bytes
    const isFirst = <i32>load32(first) <= target
    const isSecond = <i32>load32(second) <= target
    const isThird = <i32>load32(third) <= target
    base = select(third, select(second, select(first, base, isFirst), isSecond), isThird)
    count -= quarter * 3
  }
  while (count > 1) {
    const next = base + 8
    base = select(next, base, <i32>load32(next) <= target)
    count--
  }
  return <u32>((base - entries) >>> 3) + (<i32>load32(base) <= target ? 1 : 0)
}

/** Entries of a group: 256 bytes, four lines of the cache. */
const GROUP_SHIFT: usize = 5
const GROUP: u32 = 1 << (<u32>GROUP_SHIFT)

/**
 * Writes the first offset of each group, in native order. For 1e5 entries these are 12 KB, which stay in the L1 cache.
 */
export function offset_index_summarize(entries: usize, summary: usize, from: u32, to: u32): void {
  for (let group = from; group < to; group++) {
    store<u32>(summary + ((<usize>group) << 2), load32(entries + ((<usize>group) << (GROUP_SHIFT + 3))))
  }
}

/** How many groups begin at or below `target`, as `entriesAtOrBelow`. */
function groupsAtOrBelow(summary: usize, count: u32, target: i32): u32 {
  let base = summary
  while (count > 3) {
    const quarter = count >>> 2
    const bytes: usize = quarter << 2
    const first = base + bytes
    const second = first + bytes
    const third = second + bytes
    const isFirst = load<i32>(first) <= target
    const isSecond = load<i32>(second) <= target
    const isThird = load<i32>(third) <= target
    base = select(third, select(second, select(first, base, isFirst), isSecond), isThird)
    count -= quarter * 3
  }
  while (count > 1) {
    const next = base + 4
    base = select(next, base, load<i32>(next) <= target)
    count--
  }
  return <u32>((base - summary) >>> 2) + (load<i32>(base) <= target ? 1 : 0)
}

/** Position of the greatest entry at or below `target`; 0 without one. Up to one group there is no summary. */
export function offset_index_lookup(entries: usize, count: u32, summary: usize, target: i32): u32 {
  let first = entries
  if (count > GROUP) {
    const groups = groupsAtOrBelow(summary, (count + GROUP - 1) >>> <u32>GROUP_SHIFT, target)
    if (groups === 0) return 0
    first += (<usize>(groups - 1)) << (GROUP_SHIFT + 3)
    count = min(GROUP, count - ((groups - 1) << (<u32>GROUP_SHIFT)))
  }
  const atOrBelow = entriesAtOrBelow(first, count, target)
  return atOrBelow === 0 ? 0 : load32(first + ((<usize>(atOrBelow - 1)) << 3) + 4)
}

/** Strictly ascending in both fields, none negative. */
export function offset_index_ascends(entries: usize, count: u32): bool {
  let offset: i32 = -1
  let position: i32 = -1
  for (let index: u32 = 0; index < count; index++) {
    const entry = entries + ((<usize>index) << 3)
    const nextOffset = <i32>load32(entry)
    const nextPosition = <i32>load32(entry + 4)
    if (nextOffset <= offset || nextPosition <= position) return false
    offset = nextOffset
    position = nextPosition
  }
  return true
}

export function offset_index_last(entries: usize, count: u32): u32 {
  return load32(entries + ((<usize>(count - 1)) << 3))
}

export function time_index_append(entry: usize, timestamp: f64, relativeOffset: u32): void {
  store64(entry, <i64>timestamp)
  store32(entry + 8, relativeOffset)
}

/** Relative offset of the greatest entry whose timestamp is at or below `timestamp`; 0 without one. */
export function time_index_lookup(entries: usize, count: u32, timestamp: f64): u32 {
  const target = <i64>timestamp
  if (count === 0) return 0
  let base = entries
  while (count > 1) {
    const half = count >>> 1
    const middle = base + half * 12
    base = select(middle, base, load64(middle) <= target)
    count -= half
  }
  return load64(base) <= target ? load32(base + 8) : 0
}

/** Timestamps strictly ascending and exact as JavaScript numbers, offsets not descending. */
export function time_index_ascends(entries: usize, count: u32): bool {
  let timestamp = i64.MIN_VALUE
  let offset: i32 = 0
  for (let index: u32 = 0; index < count; index++) {
    const entry = entries + <usize>index * 12
    const nextTimestamp = load64(entry)
    const nextOffset = <i32>load32(entry + 8)
    if (nextTimestamp <= timestamp || nextOffset < offset) return false
    if (nextTimestamp < -9007199254740991 || nextTimestamp > 9007199254740991) return false
    timestamp = nextTimestamp
    offset = nextOffset
  }
  return true
}

export function time_index_last_timestamp(entries: usize, count: u32): f64 {
  return <f64>load64(entries + <usize>(count - 1) * 12)
}

export function time_index_last_offset(entries: usize, count: u32): u32 {
  return load32(entries + <usize>(count - 1) * 12 + 8)
}
