import type { TopicPartition } from '../../model/positions.ts'
import type { TransactionState } from './transaction-state.ts'

/** One change of the transactional ids: what a record of `__transaction_state` says. */
export type TransactionEntry = TransactionStored | TransactionRemoved

/** A transactional id and what it last did. */
export interface TransactionStored {
  readonly kind: 'transaction-stored'
  readonly transactionalId: string
  readonly producerId: number
  /** The epoch of the next transaction. Every decided one raises it, so it numbers the transactions (KIP-890). */
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  /** The partitions of the open transaction, by topic name; Kafka's own list. */
  readonly partitions: readonly TopicPartition[]
  /** Milliseconds since 1970. */
  readonly lastUpdateMs: number
  /** When the transaction began, -1 without one. */
  readonly startMs: number
  /** The producer id whose epochs ran out in the last transaction, -1 without one. */
  readonly previousProducerId: number
}

/** The id was removed, because nobody had used it for long. */
export interface TransactionRemoved {
  readonly kind: 'transaction-removed'
  readonly transactionalId: string
}

/** A producer of a transactional id, in the epoch of its next or open transaction. */
export interface ProducerInstance {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Kafka keeps the very last epoch for fencing: the transaction after this one goes on under a new producer id. */
export const LAST_EPOCH = 32_766

export function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= LAST_EPOCH
}
