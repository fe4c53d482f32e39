import type { BatchMemory } from '../model/memory.ts'

const chunkBits = 16
const chunkBytes: number = 1 << chunkBits
/** A batch has less than 2^31 bytes. */
const oneChunkBits = 31

const pageBytes = 4096
const blockStart = 16
const slowDistance = 32
/** Shorter copies don't take the slow path of the processor. */
const slowFrom = 2048

/**
 * A batch's bytes, copied in chunks of 64 KiB. Allocators reuse blocks of that size, while a larger one is fresh memory
 * of the system: at 1 MiB that costs three times as much as the copy.
 */
export function ownBytes(memory: Uint8Array<ArrayBuffer>, address: number, sizeBytes: number): ChunkedBytes {
  const chunks: ArrayBuffer[] = []
  for (let from = 0; from < sizeBytes; from += chunkBytes) {
    // The constructor copies into uninitialized memory; slice fills it with zeros first.
    chunks.push(
      new Uint8Array(memory.subarray(address + from, address + Math.min(from + chunkBytes, sizeBytes))).buffer,
    )
  }
  return new ChunkedBytes(chunks, chunkBits, 0)
}

/** The same as one chunk in reused memory: it costs the copy alone. */
export function lentBytes(
  memory: Uint8Array<ArrayBuffer>,
  address: number,
  sizeBytes: number,
  lender: BatchMemory,
): ChunkedBytes {
  return oneChunk(lent(memory.subarray(address, address + sizeBytes), lender))
}

export function oneChunk({ buffer, byteOffset }: Uint8Array<ArrayBuffer>): ChunkedBytes {
  return new ChunkedBytes([buffer], oneChunkBits, byteOffset)
}

/**
 * A copy. AMD processors copy at a twelfth of their speed if the target lies 1 to 31 bytes behind the source, modulo
 * pages of 4 KiB (glibc bug 30994). Batches of 128 records would often lie like that: WASM memory begins at a page, a
 * JavaScript block 16 bytes behind one. So large copies go to a target that is moved away from there.
 */
export function lent(bytes: Uint8Array, lender: BatchMemory): Uint8Array<ArrayBuffer> {
  const { length } = bytes
  if (length < slowFrom) return copied(bytes, lender.take(length))
  const memory = lender.take(length + slowDistance)
  const distance = (memory.byteOffset + blockStart - bytes.byteOffset) & (pageBytes - 1)
  const from = distance < slowDistance ? slowDistance - distance : 0
  return copied(bytes, memory.subarray(from, from + length))
}

function copied(bytes: Uint8Array, into: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  into.set(bytes)
  return into
}

/** Bytes in one chunk or in several of a size. */
export class ChunkedBytes {
  readonly #chunks: readonly ArrayBuffer[]
  /** Where all of a borrowed batch lies. */
  readonly #first: ArrayBuffer
  readonly #bits: number
  readonly #mask: number
  /** Where each chunk begins in its buffer. */
  readonly #start: number

  constructor(chunks: readonly ArrayBuffer[], bits: number, start: number) {
    this.#chunks = chunks
    this.#first = chunks[0] as ArrayBuffer
    this.#bits = bits
    this.#mask = bits === chunkBits ? chunkBytes - 1 : 0x7fff_ffff
    this.#start = start
  }

  /** A view; a copy if the range crosses chunks. The range is inside. */
  range(position: number, length: number): Uint8Array<ArrayBuffer> {
    if (position + length - 1 <= this.#mask) return new Uint8Array(this.#first, this.#start + position, length)
    const from = position & this.#mask
    if (from + length - 1 > this.#mask) return this.#joined(position, length)
    return new Uint8Array(this.#chunks[position >>> this.#bits] as ArrayBuffer, this.#start + from, length)
  }

  /** All of it, from its beginning on. */
  copyTo(target: Uint8Array<ArrayBuffer>): void {
    for (let done = 0; done < target.length; ) {
      const part = this.range(done, Math.min(target.length - done, this.#mask - (done & this.#mask) + 1))
      target.set(part, done)
      done += part.length
    }
  }

  #joined(position: number, length: number): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const from = (position + done) & this.#mask
      const part = this.range(position + done, Math.min(length - done, this.#mask - from + 1))
      joined.set(part, done)
      done += part.length
    }
    return joined
  }
}
