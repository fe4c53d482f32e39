import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { BatchSeal, Kernel, KernelBuffer } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import type { Codecs } from '../../bindings/model/compression.ts'

export function newKernel(capBytes: number = 64 << 20, codecs: Codecs = {}): Kernel {
  return createKernel(loadKernelModule(), { capBytes, codecs })
}

export function allocate(kernel: Kernel, sizeBytes: number): KernelBuffer {
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) throw new Error(`no memory for ${sizeBytes} bytes`)
  return buffer
}

/** What a batch at the beginning of a partition says that no producer numbered. */
export const noProducer: BatchSeal = {
  baseOffset: 0,
  partitionLeaderEpoch: 0,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  attributes: 0,
}

export function put(buffer: KernelBuffer, position: number, bytes: Uint8Array): void {
  buffer.bytes(position, position + bytes.length).set(bytes)
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex.replace(/\s+/g, ''), 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Numbers that a seed decides. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** 0 to 2^32 - 1; a Weyl sequence after two rounds of mixing. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  below(limit: number): number {
    return this.next() % limit
  }

  chance(share: number): boolean {
    return this.next() < share * 4294967296
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length)
    for (let index = 0; index < length; index++) bytes[index] = this.next()
    return bytes
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }
}

/** Runs a test that a seed decides, and names the seed where it fails. */
export function seeded(seed: number, work: (random: Random) => void): () => void {
  return () => {
    try {
      work(new Random(seed))
    } catch (error) {
      console.log(`seed ${seed}`)
      throw error
    }
  }
}
