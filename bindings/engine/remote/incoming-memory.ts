import { CALL_BYTES } from './protocol.ts'

/** Shorter messages cost the garbage collector little. */
const USED_AGAIN_BYTES_MIN = 16 * 1024
/** Most bytes that are kept for a next message. */
const SPARE_BYTES_MAX = 2 * 1024 * 1024

type Memory = Uint8Array<ArrayBuffer>

/**
 * Memory for incoming messages, used again once a message has been answered. Without it each batch of an attached
 * process leaves a buffer behind, and after some twenty megabytes of them the JavaScript engine's collector goes
 * through the whole heap.
 */
export class IncomingMemory {
  #spare: Memory | undefined

  /**
   * Not filled with zeros, and it may hold bytes from before: all of it must be written before anyone reads it. Where
   * the process has no memory for a message it is as long as the number of its call, by which the caller is told.
   */
  take(sizeBytes: number): Memory {
    const spare = this.#spare
    if (spare === undefined || sizeBytes < USED_AGAIN_BYTES_MIN || sizeBytes > spare.length) {
      return unwritten(sizeBytes)
    }
    this.#spare = undefined
    return spare.subarray(0, sizeBytes)
  }

  /** Takes the memory back: nobody may read the message any more, nor a view of it. */
  give({ buffer }: Memory): void {
    const { byteLength } = buffer
    if (byteLength < USED_AGAIN_BYTES_MIN || byteLength > SPARE_BYTES_MAX) return
    if (byteLength > (this.#spare?.length ?? 0)) this.#spare = new Uint8Array(buffer)
  }
}

function unwritten(sizeBytes: number): Memory {
  try {
    return ofItsOwn(sizeBytes)
  } catch {
    return ofItsOwn(Math.min(sizeBytes, CALL_BYTES))
  }
}

function ofItsOwn(sizeBytes: number): Memory {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer as ArrayBuffer, 0, sizeBytes)
}
