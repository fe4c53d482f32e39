import type { BatchMemory } from '../model/batch-memory.ts'
import { CHUNK_BITS, CHUNK_BYTES, ChunkedBytes, oneChunk } from '../model/chunked-bytes.ts'

const pageBytes = 4096
const blockStart = 16
const slowDistance = 32
/** Shorter copies don't take the processor's slow path. */
const slowFrom = 2048

/**
 * A batch's bytes, copied in chunks of 64 KiB. Allocators reuse blocks of that size, while a larger one is fresh memory
 * of the system: at 1 MiB that costs three times as much as the copy.
 */
export function ownBytes(memory: Uint8Array<ArrayBuffer>, address: number, sizeBytes: number): ChunkedBytes {
  const chunks: ArrayBuffer[] = []
  for (let from = 0; from < sizeBytes; from += CHUNK_BYTES) {
    // The constructor copies into uninitialized memory; slice fills it with zeros first.
    chunks.push(
      new Uint8Array(memory.subarray(address + from, address + Math.min(from + CHUNK_BYTES, sizeBytes))).buffer,
    )
  }
  return new ChunkedBytes(chunks, CHUNK_BITS, 0)
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

/**
 * A copy. AMD processors copy at a twelfth of their speed if the target lies 1 to 31 bytes above the source, modulo
 * pages of 4 KiB (glibc bug 30994). Batches of 128 records would often lie like that: WASM memory begins at a page, a
 * JavaScript block 16 bytes after the start of one. So large copies go to a target that is moved away from there.
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
