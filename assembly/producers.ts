/**
 * The sequence windows of one partition's producers: an open-addressed table with linear probing, followed by one
 * window for each producer, packed. Together 96 bytes per slot; at most half of the slots are in use.
 *
 * Slot (32 bytes), `slots` of them, a power of two:
 *   0 producerId i64 (-1 = empty), 8 lastSequence i32 (-1 = none), 12 producerEpoch i16, 14 ring u8 (number of batches,
 *   and from bit 4 on the place of the oldest), 15 flags u8,
 *   16 window u32 (its number), 20 coordinatorEpoch i32, 24 currentTransactionFirstOffset f64 (-1 = none)
 * Window (128 bytes), slots / 2 of them, numbers 0..producers-1 without gaps:
 *   0 producerId i64, 8 a ring of five batches of 24 bytes: firstSequence i32, lastSequence i32, baseOffset f64,
 *   timestamp f64. Without batches the first one's timestamp is that of the producer's last marker (-1 = none).
 *
 * Sequences count modulo 2^31: after 2147483647 comes 0. First 2147483637 with 21 records ends at 9.
 * Source: apache/kafka ProducerStateManager, ProducerStateEntry, ProducerAppendInfo (4.0).
 */
const SLOT_SHIFT: usize = 5
const WINDOW_SHIFT: usize = 7
const BATCH: usize = 24
const BATCHES: usize = 8
const BATCHES_MAX: u32 = 5
const SEQUENCE_MASK: u32 = 0x7fffffff

/** The sequence passed 2147483647 within this epoch, so a number no longer tells what is older. */
const WRAPPED: u32 = 1

// Results of producer_check, mirrored in bindings/kernel/kernel.ts.
const ACCEPTED: f64 = -1
const OUT_OF_ORDER: f64 = -2
const STALE_EPOCH: f64 = -3
const BELOW_WINDOW: f64 = -4

function idOf(slot: usize): i64 {
  return load<i64>(slot)
}
function lastSequenceOf(slot: usize): i32 {
  return load<i32>(slot, 8)
}
function epochOf(slot: usize): i32 {
  return <i32>load<i16>(slot, 12)
}
function countOf(slot: usize): u32 {
  return <u32>load<u8>(slot, 14) & 15
}
function oldestOf(slot: usize): u32 {
  return <u32>load<u8>(slot, 14) >>> 4
}
function setRing(slot: usize, count: u32, oldest: u32): void {
  store<u8>(slot, <u8>(count | (oldest << 4)), 14)
}
function flagsOf(slot: usize): u32 {
  return <u32>load<u8>(slot, 15)
}
function windowOf(table: usize, slots: u32, slot: usize): usize {
  return windowAt(table, slots, load<u32>(slot, 16))
}
function windowAt(table: usize, slots: u32, number: u32): usize {
  return table + ((<usize>slots) << SLOT_SHIFT) + ((<usize>number) << WINDOW_SHIFT)
}
/** Counted from the oldest; both numbers lie below five. */
function batchOf(window: usize, oldest: u32, number: u32): usize {
  const place = oldest + number
  return window + BATCHES + <usize>(place >= BATCHES_MAX ? place - BATCHES_MAX : place) * BATCH
}
function nextSequence(sequence: i32): i32 {
  return <i32>((<u32>sequence + 1) & SEQUENCE_MASK)
}

/** Multiplying spreads ids that count up or differ in few bits; the middle of the product chooses the slot. */
function homeOf(table: usize, slots: u32, id: i64): usize {
  const hash = <u64>id * 0x1e3779b97f4a7d
  return table + ((<usize>(hash >>> 24) & (slots - 1)) << SLOT_SHIFT)
}

/** The slot found last, because a push follows right after its check. 0 is no slot of any table. */
let found: usize = 0

/** The producer's slot, or the empty one where it would go. There always is one: at least half of them are empty. */
function find(table: usize, slots: u32, id: i64): usize {
  const end = table + ((<usize>slots) << SLOT_SHIFT)
  if (found >= table && found < end && idOf(found) === id) return found
  let slot = homeOf(table, slots, id)
  while (idOf(slot) !== id && idOf(slot) !== -1) {
    slot += 1 << SLOT_SHIFT
    if (slot === end) slot = table
  }
  found = slot
  return slot
}

export function producers_clear(table: usize, slots: u32): void {
  memory.fill(table, 0xff, (<usize>slots) << SLOT_SHIFT)
}

/** Base offset of the batch that this repeats, or one of the negative results. */
export function producer_check(table: usize, slots: u32, producerId: f64, epoch: i32, first: i32, records: u32): f64 {
  if (slots === 0) return ACCEPTED
  const id = <i64>producerId
  const slot = find(table, slots, id)
  if (idOf(slot) !== id) return ACCEPTED
  const known = epochOf(slot)
  // Kafka's state without an epoch takes any sequence.
  if (known === -1) return ACCEPTED
  if (epoch !== known) {
    if (epoch < known) return STALE_EPOCH
    return first === 0 ? ACCEPTED : OUT_OF_ORDER
  }
  if (first === nextSequence(lastSequenceOf(slot))) return ACCEPTED
  return repeated(windowOf(table, slots, slot), slot, first, records)
}

function repeated(window: usize, slot: usize, first: i32, records: u32): f64 {
  const count = countOf(slot)
  const start = oldestOf(slot)
  const last = <i32>((<u32>first + records - 1) & SEQUENCE_MASK)
  for (let index: u32 = 0; index < count; index++) {
    const batch = batchOf(window, start, index)
    if (load<i32>(batch) === first && load<i32>(batch, 4) === last) return load<f64>(batch, 8)
  }
  // An unknown producer may begin with any sequence, so only five known batches prove that there were others before.
  if (count < BATCHES_MAX) return OUT_OF_ORDER
  const oldest = load<i32>(batchOf(window, start, 0))
  // Sequences wrap, so a number may mean many batches. The half of the circle before the window counts as below, the
  // other half as ahead. As long as none has wrapped, a greater number was never written.
  if ((flagsOf(slot) & WRAPPED) === 0 && (first > last || last >= oldest)) return OUT_OF_ORDER
  const distance = (<u32>oldest - <u32>first) & SEQUENCE_MASK
  return distance < 0x40000000 && distance >= records ? BELOW_WINDOW : OUT_OF_ORDER
}

function create(table: usize, slots: u32, slot: usize, id: i64, producers: u32): void {
  store<i64>(slot, id)
  store<i32>(slot, -1, 8)
  store<i16>(slot, -1, 12)
  store<u8>(slot, 0, 14)
  store<u8>(slot, 0, 15)
  store<u32>(slot, producers, 16)
  store<i32>(slot, -1, 20)
  store<f64>(slot, -1, 24)
  store<i64>(windowAt(table, slots, producers), id)
}

/** Adds a batch that was accepted or read back. Returns the number of producers; the caller has made room before. */
export function producer_push(
  table: usize,
  slots: u32,
  producers: u32,
  producerId: f64,
  epoch: i32,
  first: i32,
  records: u32,
  baseOffset: f64,
  timestamp: f64,
): u32 {
  const id = <i64>producerId
  const slot = find(table, slots, id)
  if (idOf(slot) !== id) create(table, slots, slot, id, producers++)
  else if (epochOf(slot) !== epoch) {
    store<u8>(slot, 0, 14)
    store<u8>(slot, 0, 15)
  }
  store<i16>(slot, <i16>epoch, 12)
  pushTo(slot, windowOf(table, slots, slot), first, records, baseOffset, timestamp)
  return producers
}

function pushTo(slot: usize, window: usize, first: i32, records: u32, baseOffset: f64, timestamp: f64): void {
  const last = <i32>((<u32>first + records - 1) & SEQUENCE_MASK)
  let count = countOf(slot)
  let oldest = oldestOf(slot)
  let flags = flagsOf(slot)
  if (last < first || (count !== 0 && first < lastSequenceOf(slot))) flags |= WRAPPED
  if (count === BATCHES_MAX) {
    oldest = oldest === BATCHES_MAX - 1 ? 0 : oldest + 1
    count--
  }
  const batch = batchOf(window, oldest, count)
  store<i32>(batch, first)
  store<i32>(batch, last, 4)
  store<f64>(batch, baseOffset, 8)
  store<f64>(batch, timestamp, 16)
  store<i32>(slot, last, 8)
  setRing(slot, count + 1, oldest)
  store<u8>(slot, <u8>flags, 15)
}

/** Moves the last window into the gap, and later slots up, so that no probe ends too early. */
export function producer_remove(table: usize, slots: u32, producers: u32, producerId: f64): u32 {
  if (slots === 0) return producers
  const id = <i64>producerId
  let hole = find(table, slots, id)
  if (idOf(hole) !== id) return producers
  const number = load<u32>(hole, 16)
  const lastNumber = producers - 1
  if (number !== lastNumber) {
    const last = windowAt(table, slots, lastNumber)
    store<u32>(find(table, slots, load<i64>(last)), number, 16)
    memory.copy(windowAt(table, slots, number), last, 1 << WINDOW_SHIFT)
  }
  const end = table + ((<usize>slots) << SLOT_SHIFT)
  const mask = ((<usize>slots) << SLOT_SHIFT) - 1
  let slot = hole
  while (true) {
    slot += 1 << SLOT_SHIFT
    if (slot === end) slot = table
    if (idOf(slot) === -1) break
    const home = homeOf(table, slots, idOf(slot))
    // It moves up unless its home lies between the hole (exclusive) and its place.
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue
    memory.copy(hole, slot, 1 << SLOT_SHIFT)
    hole = slot
  }
  store<i64>(hole, -1)
  return lastNumber
}

/** Copies everything to a cleared table with more slots. */
export function producers_move(from: usize, fromSlots: u32, producers: u32, to: usize, toSlots: u32): void {
  producers_clear(to, toSlots)
  for (let number: u32 = 0; number < producers; number++) {
    const window = windowAt(from, fromSlots, number)
    const id = load<i64>(window)
    memory.copy(find(to, toSlots, id), find(from, fromSlots, id), 1 << SLOT_SHIFT)
    memory.copy(windowAt(to, toSlots, number), window, 1 << WINDOW_SHIFT)
  }
}

export function producer_is_known(table: usize, slots: u32, producerId: f64): bool {
  const id = <i64>producerId
  return slots !== 0 && idOf(find(table, slots, id)) === id
}

/** Slot and window of the producer with this number, for the binding to read. */
export function producer_slot(table: usize, slots: u32, number: u32): usize {
  return find(table, slots, load<i64>(windowAt(table, slots, number)))
}

export function producer_window(table: usize, slots: u32, number: u32): usize {
  return windowAt(table, slots, number)
}

/** Adds a producer without batches, or forgets its old ones, as a snapshot tells it. Its batches follow by push. */
export function producer_reset(
  table: usize,
  slots: u32,
  producers: u32,
  producerId: f64,
  epoch: i32,
  coordinatorEpoch: i32,
  transactionFirstOffset: f64,
  markerTimestamp: f64,
): u32 {
  const id = <i64>producerId
  const slot = find(table, slots, id)
  if (idOf(slot) !== id) create(table, slots, slot, id, producers++)
  store<i32>(slot, -1, 8)
  store<i16>(slot, <i16>epoch, 12)
  store<u8>(slot, 0, 14)
  store<u8>(slot, 0, 15)
  store<i32>(slot, coordinatorEpoch, 20)
  store<f64>(slot, transactionFirstOffset, 24)
  store<f64>(windowAt(table, slots, load<u32>(slot, 16)), markerTimestamp, BATCHES + 16)
  return producers
}
