import type { Codecs } from '../model/compression.ts'
import { LogError } from '../model/errors.ts'
import { KernelBatchBuilder } from './batch-builder.ts'
import { KernelBatchReader } from './batch-reader.ts'
import type { KernelExports } from './exports.ts'
import type {
  Kernel,
  KernelBuffer,
  KernelMemory,
  KernelOptions,
  OffsetIndex,
  ProducerTable,
  TimeIndex,
} from './kernel.ts'
import { blockOf, KernelBlock } from './kernel-block.ts'
import { KernelCore, misuse } from './kernel-core.ts'
import { KernelOffsetIndex } from './offset-index.ts'
import { KernelProducerTable } from './producer-table.ts'
import { KernelTimeIndex } from './time-index.ts'

const pageBytes = 65536
/** One page less than 4 GiB, so that the end of memory is still a 32-bit number. */
const pagesMax = 65535
const stagingBytes = 65536
/** Up to here a loop over bytes beats the call of `set`. */
const shortBytes = 16

export class WasmKernel implements Kernel {
  readonly core: KernelCore
  readonly memory: KernelMemory
  readonly codecs: Codecs
  readonly batchBuilder: KernelBatchBuilder
  readonly batchReader: KernelBatchReader
  readonly #staging: number

  constructor(core: KernelCore, capBytes: number, codecs: Codecs) {
    this.core = core
    this.memory = new WasmMemory(core, capBytes)
    this.codecs = codecs
    this.batchBuilder = new KernelBatchBuilder(core)
    this.batchReader = new KernelBatchReader(core, codecs)
    this.#staging = core.exports.value_staging()
  }

  allocate(sizeBytes: number): KernelBuffer | undefined {
    if (!(sizeBytes >= 0)) throw misuse(`can't allocate ${sizeBytes} bytes`)
    if (sizeBytes > this.memory.capBytes) return undefined
    try {
      const address = this.core.allocate(sizeBytes)
      return address === 0
        ? undefined
        : new KernelBlock(this.core, address, this.core.exports.block_size(sizeBytes) >>> 0)
    } catch (error) {
      throw this.core.failure(error)
    }
  }

  copy(from: KernelBuffer, fromPosition: number, to: KernelBuffer, toPosition: number, lengthBytes: number): void {
    const source = blockOf(this.core, from).require(fromPosition, lengthBytes)
    const target = blockOf(this.core, to).require(toPosition, lengthBytes)
    try {
      this.core.exports.bytes_copy(target, source, lengthBytes)
    } catch (error) {
      throw this.core.failure(error)
    }
  }

  crc32c(buffer: KernelBuffer, position: number, lengthBytes: number): number {
    const address = blockOf(this.core, buffer).require(position, lengthBytes)
    try {
      return this.core.exports.crc32c(0, address, lengthBytes) >>> 0
    } catch (error) {
      throw this.core.failure(error)
    }
  }

  crc32cOf(bytes: Uint8Array): number {
    try {
      const { length } = bytes
      if (length <= stagingBytes) {
        this.core.u8.set(bytes, this.#staging)
        return this.core.exports.crc32c(0, this.#staging, length) >>> 0
      }
      let crc = 0
      for (let from = 0; from < length; from += stagingBytes) {
        const part = bytes.subarray(from, Math.min(from + stagingBytes, length))
        this.core.u8.set(part, this.#staging)
        crc = this.core.exports.crc32c(crc, this.#staging, part.length)
      }
      return crc >>> 0
    } catch (error) {
      throw this.core.failure(error)
    }
  }

  seedHash(words: Uint32Array): void {
    const [low0 = 0, high0 = 0, low1 = 0, high1 = 0] = words
    this.core.exports.siphash_key(low0, high0, low1, high1)
  }

  hashOf(bytes: Uint8Array, into: Int32Array): void {
    const { length } = bytes
    if (length <= stagingBytes) return this.#hash(bytes, this.#staging, into)
    const block = this.allocate(length)
    if (block === undefined) {
      throw new LogError('MEMORY_CAP_REACHED', `no kernel memory for a key of ${length} bytes`, { sizeBytes: length })
    }
    try {
      this.#hash(bytes, blockOf(this.core, block).require(0, length), into)
    } finally {
      block.free()
    }
  }

  #hash(bytes: Uint8Array, address: number, into: Int32Array): void {
    const { length } = bytes
    const { u8, view, exports } = this.core
    if (length > shortBytes) u8.set(bytes, address)
    else for (let at = 0; at < length; at++) u8[address + at] = bytes[at] as number
    try {
      exports.siphash(address, length, address)
    } catch (error) {
      throw this.core.failure(error)
    }
    for (let word = 0; word < 4; word++) into[word] = view.getInt32(address + word * 4, true)
  }

  offsetIndex(baseOffset: number): OffsetIndex {
    return new KernelOffsetIndex(this.core, baseOffset)
  }

  timeIndex(baseOffset: number): TimeIndex {
    return new KernelTimeIndex(this.core, baseOffset)
  }

  producerTable(): ProducerTable {
    return new KernelProducerTable(this.core)
  }
}

class WasmMemory implements KernelMemory {
  readonly capBytes: number
  readonly #core: KernelCore

  constructor(core: KernelCore, capBytes: number) {
    this.#core = core
    this.capBytes = capBytes
  }

  get reservedBytes(): number {
    return this.#core.exports.pages_reserved()
  }

  get usedBytes(): number {
    return this.#core.exports.pages_used()
  }
}

/** Starts with an instance's memory as if nothing had ever been in it. */
export function startKernel(exports: KernelExports, options: KernelOptions): WasmKernel {
  const pages = Math.min(Math.floor(options.capBytes / pageBytes), pagesMax)
  if (!(pages >= 1) || exports.kernel_start(pages) === 0)
    throw new LogError('MEMORY_CAP_REACHED', `a memory cap of ${options.capBytes} bytes is too small for a log`)
  return new WasmKernel(new KernelCore(exports), pages * pageBytes, options.codecs ?? {})
}
