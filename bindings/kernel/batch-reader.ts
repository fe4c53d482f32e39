import type { BatchMemory } from '../model/memory.ts'
import { emptyHeader, readHeader } from './batch-header.ts'
import type { KernelCore } from './core.ts'
import { DecodedRecords, lent, lentBytes, ownBytes, rowBytes, rowWords } from './decoded-batch.ts'
import type { BatchFault, BatchHeader, BatchReader, DecodedBatch, KernelBuffer } from './kernel.ts'
import { blockOf } from './kernel-block.ts'

const headerBytes = 61
const codecBits = 7

/** By the status numbers of assembly/batch-reader.ts. */
const faults: readonly (BatchFault | undefined)[] = [
  undefined,
  'incomplete',
  'bad-length',
  'bad-magic',
  'bad-crc',
  'bad-count',
  'int64-range',
]

export class KernelBatchReader implements BatchReader {
  readonly #core: KernelCore
  readonly #table: number
  readonly #header: BatchHeader = emptyHeader()

  constructor(core: KernelCore) {
    this.#core = core
    this.#table = core.exports.record_table()
  }

  header(buffer: KernelBuffer, position: number, availableBytes: number): Readonly<BatchHeader> | undefined {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    return availableBytes < headerBytes ? undefined : readHeader(this.#core.view, address, this.#header)
  }

  fault(buffer: KernelBuffer, position: number, availableBytes: number): BatchFault | undefined {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    try {
      return faults[this.#core.exports.batch_fault(address, availableBytes)]
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  intactBytes(buffer: KernelBuffer, position: number, availableBytes: number, expectedOffset: number): number {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    try {
      return this.#core.exports.batches_intact(address, availableBytes, expectedOffset) >>> 0
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  stamp(buffer: KernelBuffer, position: number, baseOffset: number, partitionLeaderEpoch: number): void {
    const address = blockOf(this.#core, buffer).require(position, headerBytes)
    try {
      this.#core.exports.batch_stamp(address, baseOffset, partitionLeaderEpoch)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  decode(
    buffer: KernelBuffer,
    position: number,
    availableBytes: number,
    checked: boolean,
    memory?: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    try {
      const { exports } = this.#core
      const fault = faults[(checked ? exports.batch_shape : exports.batch_fault)(address, availableBytes)]
      if (fault !== undefined) return fault
      const header = readHeader(this.#core.view, address, emptyHeader())
      const { sizeBytes, recordCount, attributes } = header
      const into = memory !== undefined && sizeBytes <= memory.largestBytes ? memory : undefined
      const table = (attributes & codecBits) === 0 ? this.#records(address, recordCount, into) : noRecords
      if (typeof table === 'string') return table
      const { u8 } = this.#core
      const bytes = into ? lentBytes(u8, address, sizeBytes, into) : ownBytes(u8, address, sizeBytes)
      return new DecodedRecords(header, bytes, table)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  /** The table comes out in fillings of the fixed place in WASM memory: reading needs no allocation that could fail. */
  #records(address: number, recordCount: number, memory: BatchMemory | undefined): readonly Int32Array[] | BatchFault {
    const { exports } = this.#core
    const fillings: Int32Array[] = []
    exports.records_begin(address)
    let done = 0
    do {
      const rows = exports.records_fill()
      if (rows < 0) return faults[-rows] as BatchFault
      const filling = this.#core.u8.subarray(this.#table, this.#table + rows * rowBytes)
      const { buffer, byteOffset } = memory ? lent(filling, memory) : new Uint8Array(filling)
      fillings.push(new Int32Array(buffer, byteOffset, rows * rowWords))
      done += rows
    } while (done < recordCount)
    return fillings
  }
}

const noRecords: readonly Int32Array[] = []
