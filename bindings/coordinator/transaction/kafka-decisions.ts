import type { TransactionEntry, TransactionStored } from './transaction-entry.ts'

/**
 * What a broker's `__transaction_state` says of transactions without a marker. Once PrepareCommit or PrepareAbort is
 * durable the transaction is decided, and Kafka's next start would write the missing markers (kafka.md 4.3, 4.6). All
 * others are aborted, as their timeout would do it.
 */
export class KafkaDecisions {
  readonly #byId = new Map<string, TransactionStored>()
  #byProducer: Map<number, TransactionStored> | undefined

  /** To be called in the order of the records. */
  take(entry: TransactionEntry): void {
    if (entry.kind === 'transaction-stored') this.#byId.set(entry.transactionalId, entry)
    else this.#byId.delete(entry.transactionalId)
    this.#byProducer = undefined
  }

  /** The transactional id that the producer belongs to. */
  ofProducer(producerId: number): TransactionStored | undefined {
    this.#byProducer ??= new Map([...this.#byId.values()].map((entry) => [entry.producerId, entry]))
    return this.#byProducer.get(producerId)
  }

  isCommitted(producerId: number, topic: string, partition: number): boolean {
    const entry = this.ofProducer(producerId)
    if (entry?.state !== 'PrepareCommit') return false
    return entry.partitions.some((each) => each.topic === topic && each.partition === partition)
  }

  /** The greatest producer id that any of them has or had, -1 without one. */
  get producerIdMax(): number {
    let max = -1
    for (const { producerId, previousProducerId } of this.#byId.values())
      max = Math.max(max, producerId, previousProducerId)
    return max
  }

  get size(): number {
    return this.#byId.size
  }
}
