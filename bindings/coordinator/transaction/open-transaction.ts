import type { ErrorCode } from '../../model/error-table.ts'
import { LogError } from '../../model/errors.ts'
import {
  isTransactionState,
  nextTransactionState,
  type TransactionEvent,
  type TransactionState,
} from './transaction-state.ts'

/** A partition with records of a transaction, by topic id, so that no later topic of the same name is meant. */
export interface AddedPartition {
  readonly topicId: string
  readonly topic: string
  readonly partition: number
}

/**
 * A transaction from its begin until its decision is durable. It is only in memory: after a crash the batches in the
 * segments tell of it.
 */
export class OpenTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Milliseconds since 1970, by the clock as it is now. */
  startMs: number
  readonly timeoutMs: number
  readonly partitions: AddedPartition[] = []
  /** Committed offsets are part of it. */
  hasOffsets = false
  /** Roughly the bytes that its offsets will take in the frame that decides it. */
  offsetBytes = 0
  /** Bytes written since a flush was last asked for, and where. */
  unflushedBytes = 0
  unflushed: AddedPartition[] = []
  /** A newer producer has taken the transactional id over. */
  isFenced = false
  #state: TransactionState = 'Ongoing'

  constructor(
    transactionalId: string,
    producer: { readonly producerId: number; readonly producerEpoch: number },
    startMs: number,
    timeoutMs: number,
  ) {
    this.transactionalId = transactionalId
    this.producerId = producer.producerId
    this.producerEpoch = producer.producerEpoch
    this.startMs = startMs
    this.timeoutMs = timeoutMs
  }

  get state(): TransactionState {
    return this.#state
  }

  get deadline(): number {
    return this.startMs + this.timeoutMs
  }

  /** There is nothing to decide. */
  get isEmpty(): boolean {
    return this.partitions.length === 0 && !this.hasOffsets
  }

  next(event: TransactionEvent): void {
    const outcome = nextTransactionState(this.#state, event)
    if (!isTransactionState(outcome)) throw this.refusal(outcome)
    this.#state = outcome
  }

  refusal(code: ErrorCode): LogError {
    const { transactionalId, producerId, producerEpoch } = this
    const message = `the transaction of "${transactionalId}" is in state ${this.#state}`
    return new LogError(code, message, { transactionalId, producerId, producerEpoch, state: this.#state })
  }
}
