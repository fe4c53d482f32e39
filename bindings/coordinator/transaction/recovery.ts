import type { TableRecord } from '../../log/catalogue/table-record.ts'
import { type AddedPartition, OpenTransaction } from './open-transaction.ts'
import type { OpenTransactions } from './open-transactions.ts'
import type { EndPlan } from './plans.ts'
import { isCurrent } from './refusals.ts'
import type { ProducerInstance, TransactionStored } from './transaction-entry.ts'
import type { TransactionTable } from './transaction-table.ts'

/** What partitions tell of a transaction that had no decision when the log ended. */
export interface FoundTransaction extends ProducerInstance {
  readonly partitions: readonly AddedPartition[]
}

/** The part of Transactions that recovery works on. */
interface RecoveredTransactions {
  readonly planned: TransactionTable
  readonly open: OpenTransactions
  plan(entry: TransactionStored): TableRecord
}

/**
 * Adds to the open transactions the records that partitions have of them, and plans the abort of each transaction that
 * doesn't go on.
 */
export function planRecovery(
  recovered: RecoveredTransactions,
  found: readonly FoundTransaction[],
  isClean: boolean,
  now: number,
): EndPlan[] {
  const { planned, open } = recovered
  const plans: EndPlan[] = []
  for (const each of found) {
    const entry = planned.byProducerId(each.producerId)
    const { transactionalId = '', timeoutMs = 0, startMs = -1 } = entry ?? {}
    // A wall clock that was put back meanwhile must not give it more time than its timeout.
    const transaction = new OpenTransaction(transactionalId, each, Math.min(startMs, now), timeoutMs)
    transaction.partitions.push(...each.partitions)
    open.add(transaction)
    const goesOn = isClean && entry?.state === 'Ongoing' && isCurrent(entry, each)
    if (!goesOn) plans.push(planAbort(recovered, transaction, entry, now))
  }
  // Their partitions were deleted since.
  for (const entry of [...planned.all()]) {
    if (entry.state !== 'Ongoing' || open.get(entry.producerId) !== undefined) continue
    const transaction = new OpenTransaction(entry.transactionalId, entry, entry.startMs, entry.timeoutMs)
    plans.push(planAbort(recovered, transaction, entry, now))
    open.add(transaction)
  }
  return plans
}

/** The next instance has to ask for the id anyway, so it gets a new producer id if the epochs ran out. */
function planAbort(
  recovered: RecoveredTransactions,
  open: OpenTransaction,
  entry: TransactionStored | undefined,
  now: number,
): EndPlan {
  open.next('abort')
  const { producerId } = open
  const markerEpoch = Math.max(open.producerEpoch, entry?.producerEpoch ?? 0) + 1
  const next = { producerId, producerEpoch: markerEpoch }
  const records = []
  if (entry !== undefined) {
    const changes = { state: 'CompleteAbort', partitions: [], lastUpdateMs: now, previousProducerId: -1 } as const
    records.push(recovered.plan({ ...entry, ...changes, producerEpoch: markerEpoch }))
  }
  return { open, isCommit: false, markerEpoch, records, next }
}
