import type { LentMemory } from '../../model/batch-memory.ts'
import { ReusedMemory } from '../../model/reused-memory.ts'

/** Blocks kept for that many fetches at once; blocks that are too large aren't kept. */
const SPARE_BLOCKS_MAX = 4
const SPARE_BYTES_MAX = 2 * 1024 * 1024

/**
 * Memory for what is fetched on behalf of attached processes and for the answers that carry it, used again once an
 * answer was sent. Without it each fetch leaves buffers behind; once the JavaScript engine has found that the objects
 * that refer to them live long, only collections of the whole heap free them.
 */
export class OutgoingMemory {
  readonly #spare: ReusedMemory[] = []

  /** `unsent`: where the loan is counted. */
  lend(unsent: UnsentAnswers = new UnsentAnswers()): OutgoingLoan {
    return new OutgoingLoan(this, unsent)
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

/** Bytes in the loans of one attached process: fetched for it, and not taken by its socket yet. */
export class UnsentAnswers {
  sizeBytes = 0
}

/**
 * For one fetch and its answer. While the fetch waits for records it has no memory: another fetch may use what there
 * is.
 */
export class OutgoingLoan implements LentMemory {
  readonly largestBytes: number = Number.POSITIVE_INFINITY
  readonly #lender: OutgoingMemory
  readonly #unsent: UnsentAnswers
  #memory: ReusedMemory | undefined
  #takenBytes = 0

  constructor(lender: OutgoingMemory, unsent: UnsentAnswers) {
    this.#lender = lender
    this.#unsent = unsent
  }

  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    this.#takenBytes += sizeBytes
    this.#unsent.sizeBytes += sizeBytes
    this.#memory ??= this.#lender.take()
    return this.#memory.take(sizeBytes)
  }

  reclaim(): void {
    this.#unsent.sizeBytes -= this.#takenBytes
    this.#takenBytes = 0
    this.#memory?.reclaim()
  }

  /** Nobody reads the memory any more. */
  end(): void {
    this.reclaim()
    if (this.#memory !== undefined) this.#lender.give(this.#memory)
    this.#memory = undefined
  }
}
