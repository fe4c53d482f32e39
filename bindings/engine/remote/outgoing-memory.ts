import type { LentMemory } from '../../model/memory.ts'
import { ReusedMemory } from '../../model/reused-memory.ts'

/** More isn't kept: neither blocks, for as many fetches at once, nor bytes of one. */
const SPARE_BLOCKS_MAX = 4
const SPARE_BYTES_MAX = 2 * 1024 * 1024

/**
 * Memory for what is fetched on behalf of attached processes and for the answers that carry it, used again once an
 * answer has gone. Without it each fetch leaves buffers behind, and once the JavaScript engine has found that whatever
 * names them lives long, only collections of the whole heap free them.
 */
export class OutgoingMemory {
  readonly #spare: ReusedMemory[] = []

  lend(): OutgoingLoan {
    return new OutgoingLoan(this)
  }

  take(): ReusedMemory {
    return this.#spare.pop() ?? new ReusedMemory()
  }

  give(memory: ReusedMemory): void {
    if (memory.sizeBytes > SPARE_BYTES_MAX || this.#spare.length === SPARE_BLOCKS_MAX) return
    memory.reclaim()
    this.#spare.push(memory)
  }
}

/** For one fetch and its answer. While the fetch waits for records it has none: another one may use what is there. */
export class OutgoingLoan implements LentMemory {
  readonly largestBytes: number = Number.POSITIVE_INFINITY
  readonly #lender: OutgoingMemory
  #memory: ReusedMemory | undefined

  constructor(lender: OutgoingMemory) {
    this.#lender = lender
  }

  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    this.#memory ??= this.#lender.take()
    return this.#memory.take(sizeBytes)
  }

  reclaim(): void {
    this.#memory?.reclaim()
  }

  /** Nobody reads what lies in it any more. */
  end(): void {
    if (this.#memory !== undefined) this.#lender.give(this.#memory)
    this.#memory = undefined
  }
}
