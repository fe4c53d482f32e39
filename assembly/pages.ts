/**
 * Memory under one cap. Pages of 64 KiB are handed out as runs; a page can also be cut into equal blocks of 512 B to
 * 32 KiB (a slab). All bookkeeping lies in the page table, outside the memory that is handed out: nothing that a holder
 * writes can damage it, and a freed block needs no header.
 *
 * Entry of a page (32 bytes):
 *   0 kind    interior 0, head of a free run 1, head of a used run 2, slab 3, last page of a free run longer than one 4
 *   4 length  pages of the run (head and last page); of a slab the size class
 *   8 before, 12 after   neighbours in its list, 0 = none: free runs by size, slabs with room by class
 *  16 two words of 64 bits: the blocks in use of a slab
 *
 * Free runs beside each other are always joined, and an empty slab goes back to the runs at once.
 */
import { PAGE_BYTES, PAGE_TABLE, RUN_BINS, SLAB_HEADS, SLAB_HEADS_END } from './layout'

const INTERIOR: u32 = 0
const FREE: u32 = 1
const USED: u32 = 2
const SLAB: u32 = 3
const FREE_LAST: u32 = 4

const SMALLEST_SHIFT: u32 = 9
const GROWTH_PAGES: u32 = 16

let capPages: u32 = 0
let arenaFirst: u32 = 0
let pagesNow: u32 = 0
let usedBytes: u64 = 0
/** Bit n: free runs of 2^n to 2^(n+1) - 1 pages exist. */
let binsFilled: u32 = 0
/** Allocations until one fails on purpose; 0 = never. For tests. */
let failIn: u32 = 0

function entryOf(page: u32): usize {
  return PAGE_TABLE + ((<usize>page) << 5)
}

function binOf(pages: u32): u32 {
  return 31 - clz(pages)
}

/**
 * False when the cap has no room for the fixed part and one page. Called again, it takes back all that was handed out.
 */
export function pages_start(cap: u32): bool {
  const tableEnd = PAGE_TABLE + ((<usize>cap) << 5)
  const first = <u32>((tableEnd + PAGE_BYTES - 1) / PAGE_BYTES)
  if (first >= cap) return false
  const have = <u32>memory.size()
  if (have < first && memory.grow(<i32>(first - have)) < 0) return false
  if (capPages !== 0) {
    memory.fill(PAGE_TABLE, 0, tableEnd - PAGE_TABLE)
    memory.fill(RUN_BINS, 0, SLAB_HEADS_END - RUN_BINS)
    usedBytes = 0
    binsFilled = 0
    failIn = 0
  }
  capPages = cap
  arenaFirst = first
  pagesNow = <u32>memory.size()
  if (pagesNow > cap) pagesNow = cap
  if (pagesNow > first) runLink(first, pagesNow - first)
  return true
}

export function pages_reserved(): f64 {
  return <f64>pagesNow * <f64>PAGE_BYTES
}

export function pages_used(): f64 {
  return <f64>usedBytes
}

export function pages_fail(allocation: u32): void {
  failIn = allocation
}

function runLink(page: u32, length: u32): void {
  const head = entryOf(page)
  store<u32>(head, FREE)
  store<u32>(head, length, 4)
  if (length > 1) {
    const last = entryOf(page + length - 1)
    store<u32>(last, FREE_LAST)
    store<u32>(last, length, 4)
  }
  const bin = binOf(length)
  const slot = RUN_BINS + ((<usize>bin) << 2)
  const after = load<u32>(slot)
  store<u32>(head, 0, 8)
  store<u32>(head, after, 12)
  if (after !== 0) store<u32>(entryOf(after), page, 8)
  store<u32>(slot, page)
  binsFilled |= 1 << bin
}

function runUnlink(page: u32, length: u32): void {
  const head = entryOf(page)
  const before = load<u32>(head, 8)
  const after = load<u32>(head, 12)
  if (after !== 0) store<u32>(entryOf(after), before, 8)
  if (before !== 0) store<u32>(entryOf(before), after, 12)
  else {
    const bin = binOf(length)
    store<u32>(RUN_BINS + ((<usize>bin) << 2), after)
    if (after === 0) binsFilled &= ~(1 << bin)
  }
  store<u32>(head, INTERIOR)
  store<u32>(entryOf(page + length - 1), INTERIOR)
}

/** Makes a free run of [page, page + length) and joins it with free neighbours. */
function runRelease(page: u32, length: u32): void {
  if (page > arenaFirst) {
    const neighbour = entryOf(page - 1)
    const kind = load<u32>(neighbour)
    if (kind === FREE || kind === FREE_LAST) {
      const pages = load<u32>(neighbour, 4)
      page -= pages
      runUnlink(page, pages)
      length += pages
    }
  }
  const next = page + length
  if (next < pagesNow && load<u32>(entryOf(next)) === FREE) {
    const pages = load<u32>(entryOf(next), 4)
    runUnlink(next, pages)
    length += pages
  }
  runLink(page, length)
}

/** A free run with enough pages: the first fit in its own bin, or any run of a higher bin. 0 = none. */
function runFind(length: u32): u32 {
  const bin = binOf(length)
  let page = load<u32>(RUN_BINS + ((<usize>bin) << 2))
  while (page !== 0) {
    if (load<u32>(entryOf(page), 4) >= length) return page
    page = load<u32>(entryOf(page), 12)
  }
  const higher = binsFilled & ~((2 << bin) - 1)
  return higher === 0 ? 0 : load<u32>(RUN_BINS + ((<usize>ctz(higher)) << 2))
}

/** Grows memory by an eighth, by at least the missing pages, and by at most what the cap leaves. */
function grow(length: u32): bool {
  const lastKind = pagesNow > arenaFirst ? load<u32>(entryOf(pagesNow - 1)) : INTERIOR
  const free = lastKind === FREE || lastKind === FREE_LAST ? load<u32>(entryOf(pagesNow - 1), 4) : 0
  const missing = length - free
  const room = capPages - pagesNow
  if (missing > room) return false
  let step = max(max(missing, pagesNow >>> 3), GROWTH_PAGES)
  if (step > room) step = room
  if (memory.grow(<i32>step) < 0) {
    step = missing
    if (memory.grow(<i32>step) < 0) return false
  }
  const first = pagesNow
  pagesNow += step
  runRelease(first, step)
  return true
}

function runTake(length: u32): u32 {
  let page = runFind(length)
  if (page === 0) {
    if (!grow(length)) return 0
    page = runFind(length)
  }
  const pages = load<u32>(entryOf(page), 4)
  runUnlink(page, pages)
  if (pages > length) runLink(page + length, pages - length)
  store<u32>(entryOf(page), USED)
  store<u32>(entryOf(page), length, 4)
  return page
}

function slabLink(page: u32, sizeClass: u32): void {
  const slot = SLAB_HEADS + ((<usize>sizeClass) << 2)
  const after = load<u32>(slot)
  store<u32>(entryOf(page), 0, 8)
  store<u32>(entryOf(page), after, 12)
  if (after !== 0) store<u32>(entryOf(after), page, 8)
  store<u32>(slot, page)
}

function slabUnlink(page: u32, sizeClass: u32): void {
  const before = load<u32>(entryOf(page), 8)
  const after = load<u32>(entryOf(page), 12)
  if (after !== 0) store<u32>(entryOf(after), before, 8)
  if (before !== 0) store<u32>(entryOf(before), after, 12)
  else store<u32>(SLAB_HEADS + ((<usize>sizeClass) << 2), after)
}

function blocksOf(sizeClass: u32): u32 {
  return 128 >>> sizeClass
}

function slabIsFull(entry: usize, sizeClass: u32): bool {
  return popcnt(load<u64>(entry, 16)) + popcnt(load<u64>(entry, 24)) === <u64>blocksOf(sizeClass)
}

function slabTake(sizeClass: u32): usize {
  let page = load<u32>(SLAB_HEADS + ((<usize>sizeClass) << 2))
  if (page === 0) {
    page = runTake(1)
    if (page === 0) return 0
    store<u32>(entryOf(page), SLAB)
    store<u32>(entryOf(page), sizeClass, 4)
    store<u64>(entryOf(page), 0, 16)
    store<u64>(entryOf(page), 0, 24)
    slabLink(page, sizeClass)
  }
  const entry = entryOf(page)
  let block = <u32>ctz(~load<u64>(entry, 16))
  if (block < 64) store<u64>(entry, load<u64>(entry, 16) | ((<u64>1) << block), 16)
  else {
    const second = ctz(~load<u64>(entry, 24))
    block = 64 + <u32>second
    store<u64>(entry, load<u64>(entry, 24) | ((<u64>1) << second), 24)
  }
  if (slabIsFull(entry, sizeClass)) slabUnlink(page, sizeClass)
  return <usize>page * PAGE_BYTES + ((<usize>block) << (SMALLEST_SHIFT + sizeClass))
}

/** Bytes that block_allocate hands out for a request: the next power of two up to half a page, then whole pages. */
export function block_size(size: u32): u32 {
  if (size <= 512) return 512
  if (size <= 32768) return 1 << (32 - clz(size - 1))
  return (size + <u32>PAGE_BYTES - 1) & ~(<u32>PAGE_BYTES - 1)
}

/** Address of a block of block_size(size) bytes, aligned to 512; 0 at the cap, and then nothing has changed. */
export function block_allocate(size: u32): usize {
  if (size > 0xffff0000) return 0
  if (failIn !== 0 && --failIn === 0) return 0
  const bytes = block_size(size)
  const address =
    bytes <= 32768 ? slabTake(31 - clz(bytes) - SMALLEST_SHIFT) : <usize>runTake(bytes >>> 16) * PAGE_BYTES
  if (address !== 0) usedBytes += bytes
  return address
}

export function block_free(address: usize): void {
  const page = <u32>(address / PAGE_BYTES)
  const entry = entryOf(page)
  const kind = load<u32>(entry)
  const length = load<u32>(entry, 4)
  if (kind === USED) {
    usedBytes -= <u64>length * PAGE_BYTES
    runRelease(page, length)
    return
  }
  if (kind !== SLAB) unreachable()
  const block = <u32>(address & (PAGE_BYTES - 1)) >>> (SMALLEST_SHIFT + length)
  const wasFull = slabIsFull(entry, length)
  const word: usize = entry + 16 + ((<usize>(block >>> 6)) << 3)
  const bit = (<u64>1) << (block & 63)
  if ((load<u64>(word) & bit) === 0) unreachable()
  store<u64>(word, load<u64>(word) & ~bit)
  usedBytes -= 1 << (SMALLEST_SHIFT + length)
  if (wasFull) slabLink(page, length)
  if ((load<u64>(entry, 16) | load<u64>(entry, 24)) === 0) {
    slabUnlink(page, length)
    runRelease(page, 1)
  }
}
