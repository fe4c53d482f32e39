import type { TableRecord } from '../../log/catalogue/table-record.ts'
import type { OpenTransaction } from './open-transaction.ts'
import type { ProducerInstance } from './transaction-entry.ts'

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
