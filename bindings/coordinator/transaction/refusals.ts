// Who may act with a transactional id now, and what everybody else is told.

import type { ErrorCode } from '../../model/error-table.ts'
import { LogError } from '../../model/errors.ts'
import type { OpenTransaction } from './open-transaction.ts'
import { isExhausted, LAST_EPOCH, type ProducerInstance, type TransactionStored } from './transaction-entry.ts'
import { isTransactionState, nextTransactionState } from './transaction-state.ts'

/**
 * Why a producer may not send in a transaction now: a newer producer of its id fenced it, the log aborted its
 * transaction, or it hasn't begun one. `open` and `entry`: what is known of its producer id.
 */
export function refusalOf(
  instance: ProducerInstance,
  open: OpenTransaction | undefined,
  entry: TransactionStored | undefined,
): LogError {
  const { producerId, producerEpoch } = instance
  if (open?.isFenced === true) return open.refusal('PRODUCER_FENCED')
  if (entry === undefined) {
    const why = 'nobody used it for a week, or its epochs ran out and a later producer has it'
    const message = `producer ${producerId} has no transactional id any more: ${why}`
    return new LogError('INVALID_PRODUCER_ID_MAPPING', message, { producerId, producerEpoch })
  }
  if (open?.producerEpoch === producerEpoch) return open.refusal('CONCURRENT_TRANSACTIONS')
  if (isCurrent(entry, instance)) return refused(entry, 'TRANSACTION_ABORTABLE', 'has no open transaction')
  if (isBefore(entry, instance)) {
    if (entry.state === 'CompleteAbort') return refused(entry, 'TRANSACTION_ABORTABLE', 'aborted that transaction')
    if (entry.state === 'CompleteCommit') return refused(entry, 'INVALID_TXN_STATE', 'committed that transaction')
  }
  if (entry.producerId === producerId && producerEpoch > entry.producerEpoch) {
    return refused(entry, 'INVALID_PRODUCER_EPOCH', 'has no such epoch yet')
  }
  return refused(entry, 'PRODUCER_FENCED', 'belongs to a newer instance')
}

export function isCurrent(entry: TransactionStored, { producerId, producerEpoch }: ProducerInstance): boolean {
  return entry.producerId === producerId && entry.producerEpoch === producerEpoch
}

/**
 * Whether the producer asks about the transaction before the current epoch, even if that one led to a new producer id.
 */
export function isBefore(entry: TransactionStored, { producerId, producerEpoch }: ProducerInstance): boolean {
  if (entry.previousProducerId === producerId) return isExhausted(producerEpoch) && entry.producerEpoch === 0
  return entry.producerId === producerId && entry.producerEpoch === producerEpoch + 1
}

export function assertNext(entry: TransactionStored, event: 'init' | 'begin' | 'commit' | 'abort'): void {
  // Recovery raised the epoch beyond the last one: only a new producer of the id, with a new producer id, can go on.
  if (event !== 'init' && entry.producerEpoch > LAST_EPOCH) throw refused(entry, 'PRODUCER_FENCED', 'has no epoch left')
  const outcome = nextTransactionState(entry.state, event)
  if (!isTransactionState(outcome)) throw refused(entry, outcome, `is in state ${entry.state}`)
}

export function refused(entry: TransactionStored, code: ErrorCode, what: string): LogError {
  const { transactionalId, producerId, producerEpoch, state } = entry
  const details = { transactionalId, producerId, producerEpoch, state }
  return new LogError(code, `the transactional id "${transactionalId}" ${what}`, details)
}
