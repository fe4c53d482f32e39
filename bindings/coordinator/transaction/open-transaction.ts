import type { ErrorCode } from '../../model/error-table.ts'
import { LogError } from '../../model/errors.ts'
import {
  isTransactionState,
  nextTransactionState,
  type TransactionEvent,
  type TransactionState,
} from './transaction-state.ts'

/** A partition that has records of a transaction: by topic id, so that none of a later topic of that name is meant. */
export interface AddedPartition {
  readonly topicId: string
  readonly topic: string
  readonly partition: number
}

/** From its begin until its decision is durable. Only in memory: after a crash the batches in the segments tell of it. */
export class OpenTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Milliseconds since 1970, by the clock as it is now. */
  startMs: number
  readonly timeoutMs: number
  readonly partitions: AddedPartition[] = []
  /** Offsets wait for its commit. */
  hasOffsets = false
  /** About what partitions and offsets that joined it take in the frame that decides it. */
  decisionBytes = 0
  /** A newer instance owns the id. */
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

  /** Nothing to decide. */
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
