import type { AddedPartition, OpenTransaction } from './open-transaction.ts'
import type { ProducerInstance, TransactionStored } from './transaction-entry.ts'
import type { TransactionState } from './transaction-state.ts'

/** What the admin is told of a transactional id. */
export interface TransactionFacts extends ProducerInstance {
  readonly transactionalId: string
  readonly state: TransactionState
  readonly timeoutMs: number
  /** -1 without an open one. */
  readonly startMs: number
  readonly partitions: readonly AddedPartition[]
}

/** What is stored, and of an open transaction what only memory knows. */
export function factsOf(
  { transactionalId, producerId, producerEpoch, timeoutMs, state }: TransactionStored,
  open: OpenTransaction | undefined,
): TransactionFacts {
  return {
    transactionalId,
    producerId,
    producerEpoch,
    timeoutMs,
    state: open?.state ?? state,
    startMs: open?.startMs ?? -1,
    partitions: [...(open?.partitions ?? [])],
  }
}
