import { type AddedPartition, OpenTransaction } from './open-transaction.ts'
import type { EndPlan, PlannedTransactions } from './plans.ts'
import { isCurrent } from './refusals.ts'
import type { ProducerInstance, TransactionStored } from './transaction-entry.ts'

/** What partitions tell of a transaction that had no decision when the log ended. */
export interface FoundTransaction extends ProducerInstance {
  readonly partitions: readonly AddedPartition[]
}

/**
 * Adds to the open transactions the records that partitions have of them, and plans the abort of each transaction that
 * doesn't go on.
 */
export function planRecovery(
  recovered: PlannedTransactions,
  found: readonly FoundTransaction[],
  isClean: boolean,
  now: number,
): EndPlan[] {
  const { table, open } = recovered
  const plans: EndPlan[] = []
  for (const each of found) {
    const entry = table.byProducerId(each.producerId)
    const { transactionalId = '', timeoutMs = 0, startMs = -1 } = entry ?? {}
    // A wall clock that was put back meanwhile must not give it more time than its timeout.
    const transaction = new OpenTransaction(transactionalId, each, Math.min(startMs, now), timeoutMs)
    transaction.partitions.push(...each.partitions)
    open.add(transaction)
    const goesOn = isClean && entry?.state === 'Ongoing' && isCurrent(entry, each)
    if (!goesOn) plans.push(planAbort(recovered, transaction, entry, now))
  }
  // Their partitions were deleted since.
  for (const entry of [...table.all()]) {
    if (entry.state !== 'Ongoing' || open.get(entry.producerId) !== undefined) continue
    const transaction = new OpenTransaction(entry.transactionalId, entry, entry.startMs, entry.timeoutMs)
    plans.push(planAbort(recovered, transaction, entry, now))
    open.add(transaction)
  }
  return plans
}

/** The next instance has to ask for the id anyway, so it gets a new producer id if the epochs ran out. */
function planAbort(
  recovered: PlannedTransactions,
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
