import type { KernelBuffer } from './kernel.ts'
import { type KernelCore, misuse } from './kernel-core.ts'

/** A KernelBuffer with its address, which only this folder may see. */
export class KernelBlock implements KernelBuffer {
  readonly core: KernelCore
  readonly sizeBytes: number
  /** 0 once freed. */
  address: number

  constructor(core: KernelCore, address: number, sizeBytes: number) {
    this.core = core
    this.address = address
    this.sizeBytes = sizeBytes
  }

  bytes(from: number, to: number): Uint8Array<ArrayBuffer> {
    this.require(from, to - from)
    return new Uint8Array(this.core.u8.buffer, this.address + from, to - from)
  }

  free(): void {
    if (this.address === 0) throw misuse('kernel buffer freed twice')
    try {
      this.core.free(this.address)
      this.address = 0
    } catch (error) {
      throw this.core.failure(error)
    }
  }

  /** The address of `position`; throws unless the buffer lives and holds all of the range. */
  require(position: number, lengthBytes: number): number {
    if (this.address === 0) throw misuse('kernel buffer used after free')
    if (!(position >= 0 && lengthBytes >= 0 && position + lengthBytes <= this.sizeBytes))
      throw misuse(`range ${position} + ${lengthBytes} leaves a kernel buffer of ${this.sizeBytes} bytes`)
    return this.address + position
  }
}

export function blockOf(core: KernelCore, buffer: KernelBuffer): KernelBlock {
  if (buffer instanceof KernelBlock && buffer.core === core) return buffer
  throw misuse('kernel buffer of another kernel')
}
