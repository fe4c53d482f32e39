import type { OnMessage } from './channel.ts'
import type { IncomingMemory } from './incoming-memory.ts'
import { MESSAGE_BYTES_MAX } from './protocol.ts'

/** The length of the message that follows: 32 bits, little-endian. */
export const HEAD_BYTES = 4

/**
 * Puts messages together from the pieces that a socket delivers, wherever it cut them: each byte is copied once, to its
 * place.
 */
export class IncomingMessages {
  readonly #onMessage: OnMessage
  readonly #memory: IncomingMemory
  readonly #head: Buffer = Buffer.alloc(HEAD_BYTES)
  #headBytes = 0
  /** The message after the head, once the head is whole; its beginning alone where there is no memory for the rest. */
  #message: Uint8Array<ArrayBuffer> | undefined
  #messageBytes = 0
  /** As the head says. */
  #lengthBytes = 0

  constructor(onMessage: OnMessage, memory: IncomingMemory) {
    this.#onMessage = onMessage
    this.#memory = memory
  }

  /** False once a length was read that no message has: where the next message begins can't be told any more. */
  read(piece: Buffer): boolean {
    let at = 0
    while (at < piece.length) {
      at += this.#message === undefined ? this.#readHead(piece, at) : this.#readMessage(this.#message, piece, at)
      if (this.#headBytes === HEAD_BYTES && !this.#beginOrEnd()) return false
    }
    return true
  }

  #readHead(piece: Buffer, at: number): number {
    const count = piece.copy(this.#head, this.#headBytes, at)
    this.#headBytes += count
    return count
  }

  #readMessage(message: Uint8Array<ArrayBuffer>, piece: Buffer, at: number): number {
    const count = Math.min(piece.length - at, this.#lengthBytes - this.#messageBytes)
    const kept = Math.min(count, message.length - this.#messageBytes)
    if (kept > 0) message.set(piece.subarray(at, at + kept), this.#messageBytes)
    this.#messageBytes += count
    return count
  }

  /** Begins a message, or ends it, or both if it is empty. */
  #beginOrEnd(): boolean {
    if (this.#message === undefined) {
      this.#lengthBytes = this.#head.readUInt32LE(0)
      if (this.#lengthBytes > MESSAGE_BYTES_MAX) return false
      this.#message = this.#memory.take(this.#lengthBytes)
    }
    const message = this.#message
    if (this.#messageBytes < this.#lengthBytes) return true
    this.#headBytes = 0
    this.#message = undefined
    this.#messageBytes = 0
    this.#onMessage(message, () => this.#memory.give(message))
    return true
  }
}
