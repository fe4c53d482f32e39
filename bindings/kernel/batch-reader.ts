import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../model/batch-format.ts'
import type { BatchMemory } from '../model/batch-memory.ts'
import {
  ATTRIBUTE_CODEC,
  type Codecs,
  CompressionFault,
  codecOf,
  compressionOf,
  DECOMPRESSED_BYTES_MAX,
} from '../model/compression.ts'
import { ROW_BYTES, ROW_WORDS } from '../model/decoded-records.ts'
import { LogError } from '../model/errors.ts'
import { lent, lentBytes, ownBytes } from './batch-bytes.ts'
import { faults } from './batch-faults.ts'
import { emptyHeader, readHeader } from './batch-header.ts'
import { KernelBatch } from './decoded-batch.ts'
import type { BatchFault, BatchHeader, BatchReader, DecodedBatch, KernelBuffer, KeyedParts } from './kernel.ts'
import { blockOf } from './kernel-block.ts'
import type { KernelCore } from './kernel-core.ts'
import { KeyedWalk } from './keyed-records.ts'

export class KernelBatchReader implements BatchReader {
  readonly #core: KernelCore
  readonly #table: number
  readonly #header: BatchHeader = emptyHeader()
  readonly #codecs: Codecs

  constructor(core: KernelCore, codecs: Codecs) {
    this.#core = core
    this.#codecs = codecs
    this.#table = core.exports.record_table()
  }

  header(buffer: KernelBuffer, position: number, availableBytes: number): Readonly<BatchHeader> | undefined {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    return availableBytes < BATCH_HEADER_BYTES ? undefined : readHeader(this.#core.view, address, this.#header)
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

  decode(
    buffer: KernelBuffer,
    position: number,
    availableBytes: number,
    memory?: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    return this.#decode(address, availableBytes, this.#core.exports.batch_fault, memory)
  }

  decodeIntact(
    buffer: KernelBuffer,
    position: number,
    availableBytes: number,
    memory?: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    const address = blockOf(this.#core, buffer).require(position, availableBytes)
    return this.#decode(address, availableBytes, this.#core.exports.batch_shape, memory)
  }

  #decode(
    address: number,
    availableBytes: number,
    faultOf: (address: number, availableBytes: number) => number,
    memory: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    try {
      const fault = faults[faultOf(address, availableBytes)]
      if (fault !== undefined) return fault
      const header = readHeader(this.#core.view, address, emptyHeader())
      const isPlain = (header.attributes & ATTRIBUTE_CODEC) === 0
      return isPlain
        ? this.#decoded(header, address, header.sizeBytes, memory)
        : this.#decompressed(header, address, memory)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  keyedParts(header: Uint8Array, records: Uint8Array): KeyedParts {
    return new KeyedWalk(this.#core, header, records)
  }

  #decoded(
    header: Readonly<BatchHeader>,
    address: number,
    plainBytes: number,
    memory: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    const into = memory !== undefined && plainBytes <= memory.largestBytes ? memory : undefined
    const table = this.#records(address, header.recordCount, into)
    if (typeof table === 'string') return table
    const { u8 } = this.#core
    const bytes = into ? lentBytes(u8, address, plainBytes, into) : ownBytes(u8, address, plainBytes)
    return new KernelBatch(header, bytes, plainBytes, table)
  }

  /** Decompresses the records into kernel memory, after a copy of the header that has their plain size. */
  #decompressed(
    header: Readonly<BatchHeader>,
    address: number,
    memory: BatchMemory | undefined,
  ): DecodedBatch | BatchFault {
    const records = this.#plainRecords(header, address)
    if (typeof records === 'string') return records
    const plainBytes = BATCH_HEADER_BYTES + records.length
    const scratch = this.#core.allocate(plainBytes)
    if (scratch === 0) {
      const message = `a compressed batch of ${plainBytes} bytes needs kernel memory`
      throw new LogError('MEMORY_CAP_REACHED', message, { sizeBytes: plainBytes })
    }
    try {
      this.#core.exports.bytes_copy(scratch, address, BATCH_HEADER_BYTES)
      this.#core.view.setInt32(scratch + BATCH_LENGTH_AT, plainBytes - LOG_OVERHEAD_BYTES)
      this.#core.u8.set(records, scratch + BATCH_HEADER_BYTES)
      return this.#decoded(header, scratch, plainBytes, memory)
    } finally {
      this.#core.free(scratch)
    }
  }

  #plainRecords({ attributes, sizeBytes }: Readonly<BatchHeader>, address: number): Uint8Array | BatchFault {
    const type = compressionOf(attributes)
    if (type === undefined) return 'bad-compression'
    const codec = codecOf(this.#codecs, type)
    try {
      return codec.decompress(
        this.#core.u8.subarray(address + BATCH_HEADER_BYTES, address + sizeBytes),
        DECOMPRESSED_BYTES_MAX,
      )
    } catch (error) {
      if (error instanceof CompressionFault) return error.kind
      throw error
    }
  }

  /** Copies the table out of its fixed place in WASM memory, one filling at a time: no allocation that could fail. */
  #records(address: number, recordCount: number, memory: BatchMemory | undefined): readonly Int32Array[] | BatchFault {
    const { exports } = this.#core
    const fillings: Int32Array[] = []
    exports.records_begin(address)
    let done = 0
    do {
      const rows = exports.records_fill()
      if (rows < 0) return faults[-rows] as BatchFault
      const filling = this.#core.u8.subarray(this.#table, this.#table + rows * ROW_BYTES)
      const { buffer, byteOffset } = memory ? lent(filling, memory) : new Uint8Array(filling)
      fillings.push(new Int32Array(buffer, byteOffset, rows * ROW_WORDS))
      done += rows
    } while (done < recordCount)
    return fillings
  }
}
