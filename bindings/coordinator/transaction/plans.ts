import type { TableRecord } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import type { OpenTransaction } from './open-transaction.ts'
import type { OpenTransactions } from './open-transactions.ts'
import { refusalOf } from './refusals.ts'
import type { ProducerInstance, TransactionStored } from './transaction-entry.ts'
import type { TransactionTable } from './transaction-table.ts'

/** What plans are made on: all that is durable or under way. */
export interface PlannedTransactions {
  readonly table: TransactionTable
  readonly open: OpenTransactions
  plan(entry: TransactionStored): TableRecord
}

/** A transaction to end, and the records that say so: all in one commit, then `decided`. */
export interface EndPlan {
  readonly open: OpenTransaction
  readonly isCommit: boolean
  /** Epoch of the markers: above the transaction's own, so that nothing of it is accepted after them. */
  readonly markerEpoch: number
  readonly records: readonly TableRecord[]
  /** The producer for the next transaction, once this is durable. */
  readonly next: ProducerInstance
}

export interface InitPlan {
  readonly records: readonly TableRecord[]
  readonly instance: ProducerInstance
  /** What an older instance left open: its abort goes into the same commit. */
  readonly aborts: EndPlan | undefined
}

/** Why this producer may not do what it asks for. */
export function refusalIn({ table, open }: PlannedTransactions, instance: ProducerInstance): LogError {
  const { producerId } = instance
  return refusalOf(instance, open.get(producerId), table.byProducerId(producerId))
}

export function givenProducerId(newProducerId: number | undefined): number {
  if (newProducerId !== undefined) return newProducerId
  throw new LogError('INVALID_REQUEST', 'this plan needs a new producer id', { argument: 'newProducerId' })
}
