import type { BatchHeader, Kernel, ProducerTable } from '../../kernel/kernel.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { TransactionScan } from '../segment/transaction-scan.ts'
import { afterMarker } from './marker.ts'
import { atMemoryCap } from './refusals.ts'

/**
 * What the batches of one partition, taken in order, say of its producers: their epochs, the last five batches of each,
 * and which transactions are open. Holds kernel memory until `free`.
 */
export class ProducerScan {
  readonly #id: PartitionIdentity
  readonly #table: ProducerTable
  readonly #transactions: TransactionScan

  /** `producers`: as of the offset at which the scan begins. */
  constructor(kernel: Kernel, id: PartitionIdentity, producers: readonly StoredProducer[]) {
    this.#id = id
    this.#table = kernel.producerTable()
    this.#transactions = new TransactionScan(producers)
    for (const producer of producers) this.#table.load(producer)
  }

  /** Called first for each batch. Returns the transaction that the batch aborts. */
  endsTransaction(header: Readonly<BatchHeader>, bytes: Uint8Array): AbortedTransaction | undefined {
    return this.#transactions.take(header, bytes)
  }

  /**
   * Called next, once the batch stands where it belongs. MEMORY_CAP_REACHED where there is no room for one more
   * producer.
   */
  learn(header: Readonly<BatchHeader>): void {
    const { producerId, producerEpoch, baseSequence, baseOffset, lastOffsetDelta, maxTimestamp } = header
    if (producerId < 0) return
    if (!this.#table.reserve()) throw atMemoryCap(this.#id, 'the producers')
    // A marker: its epoch is in force, sequences begin again (kafka.md 3.5).
    if (baseSequence < 0)
      return void this.#table.load(afterMarker(producerId, producerEpoch, header.partitionLeaderEpoch, maxTimestamp))
    this.#table.push(producerId, producerEpoch, baseSequence, lastOffsetDelta + 1, baseOffset, maxTimestamp)
  }

  /** The producers as of the last batch, with their open transactions. */
  stored(): StoredProducer[] {
    return [...this.#transactions.open.of(this.#table.windows())]
  }

  free(): void {
    this.#table.free()
  }
}
