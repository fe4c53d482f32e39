import { LogError } from '../model/errors.ts'
import type { KernelCore } from './core.ts'
import { rowWords } from './decoded-batch.ts'
import type { KeyedRecords } from './kernel.ts'

const headerBytes = 61
const overheadBytes = 12
const hashWords = 4

/** A filling of the record table, with what the kernel puts beside it, where it lies. */
class Filling implements KeyedRecords {
  readonly #rows: Int32Array
  readonly #ends: Int32Array
  readonly hashes: Int32Array
  readonly count: number
  readonly #from: number

  /** `from`: where the first one begins, as `startOf` says it. */
  constructor({ exports, u8 }: KernelCore, count: number, from: number) {
    const { buffer } = u8
    this.#rows = new Int32Array(buffer, exports.record_table(), count * rowWords)
    this.#ends = new Int32Array(buffer, exports.record_ends(), count)
    this.hashes = new Int32Array(buffer, exports.key_hashes(), count * hashWords)
    this.count = count
    this.#from = from
  }

  startOf(index: number): number {
    return index === 0 ? this.#from : this.endOf(index - 1)
  }

  endOf(index: number): number {
    return (this.#ends[index] as number) - headerBytes
  }

  keyPositionOf(index: number): number {
    return (this.#rows[index * rowWords] as number) - headerBytes
  }

  keyLengthOf(index: number): number {
    return this.#rows[index * rowWords + 1] as number
  }

  valuePositionOf(index: number): number {
    return (this.#rows[index * rowWords + 2] as number) - headerBytes
  }

  valueLengthOf(index: number): number {
    return this.#rows[index * rowWords + 3] as number
  }

  offsetDeltaOf(index: number): number {
    return this.#rows[index * rowWords + 4] as number
  }

  timestampOf(index: number): number {
    const row = index * rowWords
    return (this.#rows[row + 7] as number) * 4294967296 + ((this.#rows[row + 6] as number) >>> 0)
  }
}

/**
 * Lays out the records of a batch, filling by filling, until `visit` has enough. Answers the kernel's status number: 0 when all that was laid
 * out is intact.
 */
export function visitKeyed(
  core: KernelCore,
  header: Uint8Array,
  records: Uint8Array,
  visit: (records: KeyedRecords) => boolean,
): number {
  const sizeBytes = headerBytes + records.length
  const address = core.allocate(sizeBytes)
  if (address === 0) {
    const message = `the records of a batch of ${sizeBytes} bytes need kernel memory`
    throw new LogError('MEMORY_CAP_REACHED', message, { sizeBytes })
  }
  try {
    core.u8.set(header.subarray(0, headerBytes), address)
    core.u8.set(records, address + headerBytes)
    core.view.setInt32(address + 8, sizeBytes - overheadBytes)
    return visitFillings(core, address, visit)
  } finally {
    core.free(address)
  }
}

function visitFillings(core: KernelCore, address: number, visit: (records: KeyedRecords) => boolean): number {
  const { exports } = core
  const sizeBytes = core.view.getInt32(address + 8) + overheadBytes
  const fault = exports.batch_shape(address, sizeBytes)
  if (fault !== 0) return fault
  exports.records_begin(address)
  const recordCount = core.view.getInt32(address + 57)
  for (let done = 0, from = 0; done < recordCount; ) {
    const count = exports.records_fill()
    if (count < 0) return -count
    exports.records_hash(count)
    const filling = new Filling(core, count, from)
    if (!visit(filling)) return 0
    from = filling.endOf(count - 1)
    done += count
  }
  return 0
}
