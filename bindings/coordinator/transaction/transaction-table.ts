import type { Table } from '../../log/catalogue/planned-table.ts'
import type { TransactionEntry, TransactionStored } from './transaction-entry.ts'

/**
 * The transactional ids, and to which of them each producer id belongs, the producer ids included whose epochs ran out.
 */
export class TransactionTable implements Table<TransactionEntry> {
  readonly #byId: Map<string, TransactionStored> = new Map()
  readonly #byProducerId: Map<number, TransactionStored> = new Map()

  get size(): number {
    return this.#byId.size
  }

  byId(transactionalId: string): TransactionStored | undefined {
    return this.#byId.get(transactionalId)
  }

  byProducerId(producerId: number): TransactionStored | undefined {
    return this.#byProducerId.get(producerId)
  }

  all(): Iterable<TransactionStored> {
    return this.#byId.values()
  }

  apply(entry: TransactionEntry): void {
    const { transactionalId } = entry
    const stored = entry.kind === 'transaction-stored' ? entry : undefined
    const producerIds = producerIdsOf(stored)
    // Entries that stay aren't removed first: a map that is emptied again and again leaves garbage that only a full
    // collection finds.
    for (const producerId of producerIdsOf(this.#byId.get(transactionalId))) {
      if (!producerIds.includes(producerId)) this.#byProducerId.delete(producerId)
    }
    if (stored === undefined) {
      this.#byId.delete(transactionalId)
      return
    }
    this.#byId.set(transactionalId, stored)
    for (const producerId of producerIds) this.#byProducerId.set(producerId, stored)
  }
}

function producerIdsOf(entry: TransactionStored | undefined): number[] {
  if (entry === undefined) return []
  const { producerId, previousProducerId } = entry
  return previousProducerId < 0 ? [producerId] : [producerId, previousProducerId]
}
