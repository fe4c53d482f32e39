import type { ProducerTable, ProducerWindow } from './kernel.ts'
import { type KernelCore, misuse } from './kernel-core.ts'

const firstSlots = 4
const slotBytes = 96
/** If fewer than one slot in this many is in use, the table shrinks. */
const sparse = 16
const sequences = 2147483648

// Places in a slot and in a batch of a window; assembly/producers.ts draws both.
const slotEpoch = 12
const slotRing = 14
const slotCoordinatorEpoch = 20
const slotTransaction = 24
const windowBatches = 8
const batchBytes = 24
const batchesMax = 5

/**
 * Allocates no memory before the first producer. Slots double when half of them are in use, and shrink when few are.
 */
export class KernelProducerTable implements ProducerTable {
  readonly #core: KernelCore
  #address = 0
  #slots = 0
  #count = 0

  constructor(core: KernelCore) {
    this.#core = core
  }

  get producerCount(): number {
    return this.#count
  }

  check(producerId: number, producerEpoch: number, firstSequence: number, recordCount: number): number {
    try {
      return this.#core.exports.producer_check(
        this.#address,
        this.#slots,
        producerId,
        producerEpoch,
        firstSequence,
        recordCount,
      )
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  /** Whether there is room for one more producer. */
  #hasRoom(): boolean {
    return (this.#count + 1) * 2 <= this.#slots
  }

  /** A producer that is there already needs no room. False at the cap. */
  #reserveFor(producerId: number): boolean {
    if (this.#hasRoom()) return true
    let isKnown: boolean
    try {
      isKnown = this.#core.exports.producer_is_known(this.#address, this.#slots, producerId) !== 0
    } catch (error) {
      throw this.#core.failure(error)
    }
    return isKnown || this.reserve()
  }

  reserve(): boolean {
    if (this.#hasRoom()) return true
    try {
      return this.#resize(this.#slots === 0 ? firstSlots : this.#slots * 2)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  /** False, with nothing changed, where there is no memory. */
  #resize(slots: number): boolean {
    const { exports } = this.#core
    const address = this.#core.allocate(slots * slotBytes)
    if (address === 0) return false
    if (this.#slots === 0) exports.producers_clear(address, slots)
    else {
      exports.producers_move(this.#address, this.#slots, this.#count, address, slots)
      this.#core.free(this.#address)
    }
    this.#address = address
    this.#slots = slots
    return true
  }

  /** Shrinks, but keeps room for one more producer: `reserve` may have promised it. */
  #shrink(): void {
    if (this.#slots <= firstSlots || this.#count * sparse > this.#slots) return
    let slots = this.#slots
    while (slots > firstSlots && this.#count * 4 <= slots / 2) slots /= 2
    this.#resize(slots)
  }

  push(
    producerId: number,
    producerEpoch: number,
    firstSequence: number,
    recordCount: number,
    baseOffset: number,
    timestamp: number,
  ): void {
    if (!this.#reserveFor(producerId)) throw misuse('no room for the producer: reserve() comes before push()')
    try {
      this.#count = this.#core.exports.producer_push(
        this.#address,
        this.#slots,
        this.#count,
        producerId,
        producerEpoch,
        firstSequence,
        recordCount,
        baseOffset,
        timestamp,
      )
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  *windows(): IterableIterator<ProducerWindow> {
    for (let number = 0; number < this.#count; number++) yield this.#window(number)
  }

  #window(number: number): ProducerWindow {
    try {
      const { exports, view } = this.#core
      const slot = exports.producer_slot(this.#address, this.#slots, number) >>> 0
      const window = exports.producer_window(this.#address, this.#slots, number) >>> 0
      const batches: ProducerWindow['batches'][number][] = []
      const ring = view.getUint8(slot + slotRing)
      const oldest = ring >> 4
      for (let index = 0; index < (ring & 15); index++) {
        const batch = window + windowBatches + ((oldest + index) % batchesMax) * batchBytes
        const firstSequence = view.getInt32(batch, true)
        const lastSequence = view.getInt32(batch + 4, true)
        const baseOffset = view.getFloat64(batch + 8, true)
        const timestamp = view.getFloat64(batch + 16, true)
        const lastOffset = baseOffset + distance(firstSequence, lastSequence)
        batches.push({ firstSequence, lastSequence, baseOffset, lastOffset, timestamp })
      }
      const markerTimestamp = batches.length === 0 ? view.getFloat64(window + windowBatches + 16, true) : -1
      return {
        producerId: Number(view.getBigInt64(window, true)),
        producerEpoch: view.getInt16(slot + slotEpoch, true),
        coordinatorEpoch: view.getInt32(slot + slotCoordinatorEpoch, true),
        currentTransactionFirstOffset: view.getFloat64(slot + slotTransaction, true),
        batches,
        ...(markerTimestamp >= 0 && { markerTimestamp }),
      }
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  load(window: ProducerWindow): boolean {
    if (!this.#reserveFor(window.producerId)) return false
    try {
      this.#count = this.#core.exports.producer_reset(
        this.#address,
        this.#slots,
        this.#count,
        window.producerId,
        window.producerEpoch,
        window.coordinatorEpoch,
        window.currentTransactionFirstOffset,
        window.markerTimestamp ?? -1,
      )
    } catch (error) {
      throw this.#core.failure(error)
    }
    for (const batch of window.batches) {
      const records = distance(batch.firstSequence, batch.lastSequence) + 1
      this.push(
        window.producerId,
        window.producerEpoch,
        batch.firstSequence,
        records,
        batch.baseOffset,
        batch.timestamp,
      )
    }
    return true
  }

  remove(producerId: number): void {
    try {
      this.#count = this.#core.exports.producer_remove(this.#address, this.#slots, this.#count, producerId)
      this.#shrink()
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  free(): void {
    try {
      if (this.#address !== 0) this.#core.free(this.#address)
      this.#address = 0
      this.#slots = 0
      this.#count = 0
    } catch (error) {
      throw this.#core.failure(error)
    }
  }
}

/** Steps from one sequence to another; after 2147483647 comes 0. */
function distance(from: number, to: number): number {
  return (to - from + sequences) % sequences
}
