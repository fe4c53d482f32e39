import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../model/batch-format.ts'
import { FILLING_ROWS, ROW_WORDS } from '../model/decoded-records.ts'
import { LogError } from '../model/errors.ts'
import { faults, statusBadCount } from './batch-faults.ts'
import type { BatchFault, KeyedParts, KeyedRecords } from './kernel.ts'
import type { KernelCore } from './kernel-core.ts'

const hashWords = 4
/** With a header before them they fill one page of the kernel. */
const partBytes = 65536 - BATCH_HEADER_BYTES
const countAt = 57
const varintBytesMax = 5

/** One filling of the record table, with ends and hashes beside it, as views of kernel memory. */
class Filling implements KeyedRecords {
  readonly #rows: Int32Array
  readonly #ends: Int32Array
  readonly hashes: Int32Array
  readonly count: number
  readonly isLast: boolean
  readonly #from: number

  /** `from`: where the first record begins in the batch; the table counts from there. */
  constructor({ exports, u8 }: KernelCore, count: number, from: number, isLast: boolean) {
    const { buffer } = u8
    this.#rows = new Int32Array(buffer, exports.record_table(), count * ROW_WORDS)
    this.#ends = new Int32Array(buffer, exports.record_ends(), count)
    this.hashes = new Int32Array(buffer, exports.key_hashes(), count * hashWords)
    this.count = count
    this.#from = from
    this.isLast = isLast
  }

  startOf(index: number): number {
    return index === 0 ? this.#from : this.endOf(index - 1)
  }

  endOf(index: number): number {
    return this.#from + (this.#ends[index] as number) - BATCH_HEADER_BYTES
  }

  keyPositionOf(index: number): number {
    return this.#from + (this.#rows[index * ROW_WORDS] as number) - BATCH_HEADER_BYTES
  }

  keyLengthOf(index: number): number {
    return this.#rows[index * ROW_WORDS + 1] as number
  }

  valuePositionOf(index: number): number {
    return this.#from + (this.#rows[index * ROW_WORDS + 2] as number) - BATCH_HEADER_BYTES
  }

  valueLengthOf(index: number): number {
    return this.#rows[index * ROW_WORDS + 3] as number
  }

  offsetDeltaOf(index: number): number {
    return this.#rows[index * ROW_WORDS + 4] as number
  }

  timestampOf(index: number): number {
    const row = index * ROW_WORDS
    return (this.#rows[row + 7] as number) * 4294967296 + ((this.#rows[row + 6] as number) >>> 0)
  }
}

/**
 * The records of a batch, part by part. Each part is copied into the kernel and laid out on its own: between two parts
 * the kernel does other work, and keeps no memory for this one.
 */
export class KeyedWalk implements KeyedParts {
  readonly #core: KernelCore
  readonly #header: Uint8Array
  readonly #records: Uint8Array
  #left: number
  #from = 0
  #lastDelta = -1
  #isDone = false

  constructor(core: KernelCore, header: Uint8Array, records: Uint8Array) {
    this.#core = core
    this.#header = header
    this.#records = records
    this.#left = readInt32(header, countAt)
  }

  next(): KeyedRecords | BatchFault | undefined {
    if (this.#isDone) return undefined
    const part = partOf(this.#records, this.#from, this.#left)
    if (part === undefined) return faults[statusBadCount]
    try {
      return this.#laidOut(part)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  /** Lays out the part's records as a batch of their own. */
  #laidOut({ end, count }: Part): KeyedRecords | BatchFault | undefined {
    const core = this.#core
    const records = this.#records.subarray(this.#from, end)
    const sizeBytes = BATCH_HEADER_BYTES + records.length
    const address = core.allocate(sizeBytes)
    if (address === 0) {
      const message = `${records.length} bytes of a batch's records need kernel memory`
      throw new LogError('MEMORY_CAP_REACHED', message, { sizeBytes })
    }
    try {
      core.u8.set(this.#header.subarray(0, BATCH_HEADER_BYTES), address)
      core.u8.set(records, address + BATCH_HEADER_BYTES)
      core.view.setInt32(address + BATCH_LENGTH_AT, sizeBytes - LOG_OVERHEAD_BYTES)
      core.view.setInt32(address + countAt, count)
      const fault = core.exports.batch_shape(address, sizeBytes)
      if (fault !== 0) return faults[fault]
      core.exports.records_begin(address)
      const rows = core.exports.records_fill()
      if (rows < 0) return faults[-rows]
      core.exports.records_hash(rows)
      return this.#filled(rows, end)
    } finally {
      core.free(address)
    }
  }

  #filled(rows: number, end: number): KeyedRecords | BatchFault | undefined {
    this.#left -= rows
    this.#isDone = this.#left <= 0
    const filling = new Filling(this.#core, rows, this.#from, this.#isDone)
    this.#from = end
    if (rows === 0) return filling
    // Within a part the kernel has checked that offsets ascend.
    if (filling.offsetDeltaOf(0) <= this.#lastDelta) return faults[statusBadCount]
    this.#lastDelta = filling.offsetDeltaOf(rows - 1)
    return filling
  }
}

/** Without a DataView, which would cost more than the rest of a small batch. */
function readInt32(bytes: Uint8Array, at: number): number {
  const [high, second] = [bytes[at] as number, bytes[at + 1] as number]
  const [third, low] = [bytes[at + 2] as number, bytes[at + 3] as number]
  return (high << 24) | (second << 16) | (third << 8) | low
}

interface Part {
  readonly count: number
  readonly end: number
}

/** As many whole records as one filling and one page take, at least one. `undefined` for an impossible length. */
function partOf(records: Uint8Array, from: number, left: number): Part | undefined {
  if (left <= FILLING_ROWS && records.length - from <= partBytes) return { count: left, end: records.length }
  let end = from
  let count = 0
  while (count < Math.min(left, FILLING_ROWS)) {
    const next = endOfRecord(records, end)
    if (next > records.length) return undefined
    if (count > 0 && next - from > partBytes) break
    end = next
    count++
  }
  return count < left || end === records.length ? { count, end } : undefined
}

/** By the record's own length field; infinite if that is no length (kafka.md 1.2). */
function endOfRecord(records: Uint8Array, at: number): number {
  let zigzagged = 0
  for (let place = 0, factor = 1; place < varintBytesMax; place++, factor *= 0x80) {
    const group = records[at + place]
    if (group === undefined) break
    zigzagged += (group & 0x7f) * factor
    if (group < 0x80) return zigzagged % 2 === 0 ? at + place + 1 + zigzagged / 2 : Number.POSITIVE_INFINITY
  }
  return Number.POSITIVE_INFINITY
}
