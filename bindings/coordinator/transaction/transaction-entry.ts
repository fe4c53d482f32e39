import type { TopicPartition } from '../../model/positions.ts'
import type { TransactionState } from './transaction-state.ts'

/** One change of the transactional ids: what a record of `__transaction_state` says. */
export type TransactionEntry = TransactionStored | TransactionRemoved

/** A transactional id and what it last did. */
export interface TransactionStored {
  readonly kind: 'transaction-stored'
  readonly transactionalId: string
  readonly producerId: number
  /** For the next transaction; every decided one raises it, so an epoch is a transaction's number (KIP-890). */
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  /** By name, while it is open; Kafka's list. */
  readonly partitions: readonly TopicPartition[]
  /** Milliseconds since 1970. */
  readonly lastUpdateMs: number
  /** When the transaction began, -1 without one. */
  readonly startMs: number
  /** The id whose epochs ran out in the last transaction, -1 without one. */
  readonly previousProducerId: number
}

/** Nobody used the id for long. */
export interface TransactionRemoved {
  readonly kind: 'transaction-removed'
  readonly transactionalId: string
}

/** A producer of a transactional id, in the epoch of its next or open transaction. */
export interface ProducerInstance {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Kafka keeps the last epoch for fencing: the transaction in the one before goes on under a new producer id. */
export const LAST_EPOCH = 32_766

export function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= LAST_EPOCH
}
