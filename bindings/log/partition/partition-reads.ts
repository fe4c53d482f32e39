import type { BatchFault, DecodedBatch, Kernel } from '../../kernel/kernel.ts'
import type { BatchMemory } from '../../model/batch-memory.ts'
import { LogError } from '../../model/errors.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionStore } from '../../storage/partition-store.ts'
import { type PartitionRead, Reading } from './reading.ts'
import { atMemoryCap, damagedBatch, withoutCodec } from './refusals.ts'
import type { TailPool } from './tail-pool.ts'
import type { TailPlace, TailWindow } from './tail-window.ts'

const READ_BYTES_MIN = 4096
const READ_BYTES_MAX = 1024 * 1024
/** A read takes at most this share of the kernel's memory, unless one batch needs more. */
const READ_SHARE = 1 / 16

/**
 * Reads batches of one partition from where they are: the tail in memory, else the store. What it returns is whole and
 * proven by its CRC; who may see it is decided elsewhere.
 */
export class PartitionReads {
  readonly #id: PartitionIdentity
  readonly #kernel: Kernel
  readonly #store: PartitionStore
  readonly #tail: TailWindow
  readonly #tails: TailPool

  constructor(id: PartitionIdentity, kernel: Kernel, store: PartitionStore, tail: TailWindow, tails: TailPool) {
    this.#id = id
    this.#kernel = kernel
    this.#store = store
    this.#tail = tail
    this.#tails = tails
  }

  /** See `Partition.read`. */
  read(offset: number, limitOffset: number, maxBytes: number, memory: BatchMemory | undefined): PartitionRead {
    return this.#tails.makingRoom(() => this.#read(offset, limitOffset, maxBytes, memory))
  }

  #read(offset: number, limitOffset: number, maxBytes: number, memory: BatchMemory | undefined): PartitionRead {
    const reading = new Reading(offset, limitOffset, memory)
    const found = this.#tail.find(offset)
    return found === undefined ? this.#readStore(reading, maxBytes) : this.#readTail(found, reading, maxBytes)
  }

  #readTail({ buffer, index }: TailPlace, reading: Reading, maxBytes: number): PartitionRead {
    for (let at = index; reading.sizeBytes < maxBytes; at++) {
      const batch = this.#tail.batch(at)
      if (batch === undefined || batch.nextOffset > reading.limitOffset) break
      if (batch.sizeBytes === 0) {
        reading.nextOffset = batch.nextOffset
        continue
      }
      const decoded = this.#kernel.batchReader.decodeIntact(buffer, batch.position, batch.sizeBytes, reading.memory)
      if (typeof decoded === 'string')
        throw damagedBatch(this.#id, batch.baseOffset, decoded, this.#store.locate(this.#id, batch.baseOffset))
      reading.take(decoded)
    }
    return reading.result(undefined)
  }

  #readStore(reading: Reading, maxBytes: number): PartitionRead {
    const { limitOffset } = reading
    const mostBytes = Math.min(READ_BYTES_MAX, this.#kernel.memory.capBytes * READ_SHARE)
    let sizeBytes = Math.min(Math.max(maxBytes, READ_BYTES_MIN), mostBytes)
    while (reading.nextOffset < limitOffset) {
      const buffer = this.#kernel.allocate(sizeBytes)
      if (buffer === undefined) throw atMemoryCap(this.#id, 'a read')
      try {
        const count = this.#store.read(this.#id, reading.nextOffset, buffer.bytes(0, sizeBytes))
        if (count === undefined) return reading.result(reading.nextOffset)
        if (count === 0) {
          // An unclean end left offsets unused (durability rule 5): nothing lies between here and the limit.
          reading.nextOffset = limitOffset
          break
        }
        if (count > 0) {
          this.#decodeAll(buffer, count, reading, maxBytes)
          break
        }
        sizeBytes = -count
      } finally {
        buffer.free()
      }
    }
    return reading.result(undefined)
  }

  #decodeAll(
    buffer: Parameters<Kernel['batchReader']['decode']>[0],
    count: number,
    reading: Reading,
    limitBytes: number,
  ): void {
    for (let position = 0; position < count; ) {
      const decoded = this.#decoded(buffer, position, count - position, reading)
      if (decoded instanceof LogError || typeof decoded === 'string') {
        if (reading.batches.length > 0) return
        throw this.#unreadable(decoded, reading.nextOffset)
      }
      // Decompressed, a batch may be larger than all that was read.
      if (!reading.take(decoded) || reading.sizeBytes >= limitBytes) return
      position += decoded.header.sizeBytes
    }
  }

  /** Returns the error for a batch whose codec this runtime lacks: what stands before the batch can be read. */
  #decoded(
    buffer: Parameters<Kernel['batchReader']['decode']>[0],
    position: number,
    availableBytes: number,
    { memory }: Reading,
  ): DecodedBatch | BatchFault | LogError {
    try {
      return this.#kernel.batchReader.decode(buffer, position, availableBytes, memory)
    } catch (error) {
      if (LogError.is(error, 'UNSUPPORTED_COMPRESSION_TYPE')) return error as LogError
      throw error
    }
  }

  #unreadable(fault: BatchFault | LogError, offset: number): LogError {
    if (typeof fault !== 'string') return withoutCodec(this.#id, offset, fault)
    return damagedBatch(this.#id, offset, fault, this.#store.locate(this.#id, offset))
  }
}
