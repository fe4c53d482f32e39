import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { BatchBytes } from './batch-bytes.ts'

/**
 * Follows the transactions of one partition through a pass, in offset order and below the last stable offset. Records
 * of an aborted transaction are removed. A marker may be removed only once a pass met no batch of its transaction any
 * more, not even an emptied one. Source: Kafka's CleanedTransactionMetadata.
 */
export class DecidedTransactions {
  /** By producer id, in the order of their markers. */
  readonly #aborted = new Map<number, AbortedTransaction[]>()
  /** Producers that had a batch since their last marker. */
  readonly #withBatches = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    for (const each of aborted) {
      const others = this.#aborted.get(each.producerId)
      if (others === undefined) this.#aborted.set(each.producerId, [each])
      else others.push(each)
    }
  }

  /** Takes the next data batch. Returns whether its transaction was aborted. */
  isAborted(batch: BatchBytes): boolean {
    if (!batch.isTransactional) return false
    const { producerId, baseOffset } = batch
    this.#withBatches.add(producerId)
    const own = this.#aborted.get(producerId)
    // Transactions of one producer follow each other, so the batch belongs to the one whose offsets include it.
    while (own !== undefined && (own[0]?.lastOffset ?? baseOffset) < baseOffset) own.shift()
    return (own?.[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= baseOffset
  }

  /** Takes the next marker. Returns whether no batch of its transaction came before it. */
  endsNothing(marker: BatchBytes): boolean {
    return !this.#withBatches.delete(marker.producerId)
  }
}
