import { perform, type Task } from '../../effect.ts'
import type { Rewrite, SealedBatch } from '../../partition-store.ts'
import { placeOf } from './row-failure.ts'
import type { PartitionRows } from './rows.ts'

/** Keeps the batches that stay in memory, for the transaction that exchanges the rows. */
export class RowRewrite implements Rewrite {
  readonly #partition: PartitionRows
  readonly #before: readonly SealedBatch[]
  readonly #kept: SealedBatch[] = []

  constructor(partition: PartitionRows, before: readonly SealedBatch[]) {
    this.#partition = partition
    this.#before = before
  }

  append({ bytes, baseOffset, nextOffset, maxTimestamp }: SealedBatch): void {
    this.#kept.push({ bytes: bytes.slice(), baseOffset, nextOffset, maxTimestamp })
  }

  *exchange(): Task<boolean> {
    const { id } = this.#partition
    return yield* perform('commit', placeOf(id), () => this.#partition.rewrite(this.#before, this.#kept))
  }

  *abandon(): Task<void> {
    yield* perform('yield', '', () => {
      this.#kept.length = 0
    })
  }
}
