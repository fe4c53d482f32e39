import type { TransactionEntry, TransactionStored } from './transaction-entry.ts'

/**
 * What a broker's `__transaction_state` says of transactions that have no marker yet. Once PrepareCommit or PrepareAbort is durable
 * a transaction is decided: Kafka's next start writes the markers that are missing (kafka.md 4.3, 4.6). All others end as
 * their timeout would end them: they are aborted.
 */
export class KafkaDecisions {
  readonly #byId = new Map<string, TransactionStored>()
  #byProducer: Map<number, TransactionStored> | undefined

  /** In the order of the records. */
  take(entry: TransactionEntry): void {
    if (entry.kind === 'transaction-stored') this.#byId.set(entry.transactionalId, entry)
    else this.#byId.delete(entry.transactionalId)
    this.#byProducer = undefined
  }

  /** Of the transactional id whose producer it is. */
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
