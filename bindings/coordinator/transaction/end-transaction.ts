import { OpenTransaction } from './open-transaction.ts'
import { type EndPlan, givenProducerId, type PlannedTransactions, refusalIn } from './plans.ts'
import { assertNext, isBefore, isCurrent, refused } from './refusals.ts'
import { isExhausted, type ProducerInstance } from './transaction-entry.ts'
import { answerAgain } from './transaction-state.ts'

interface EndRequest {
  readonly instance: ProducerInstance
  readonly event: 'commit' | 'abort'
  readonly now: number
  /** Needed if `endNeedsProducerId` says so. */
  readonly newProducerId: number | undefined
}

/** See `Transactions.planEnd`. */
export function planEnd(planned: PlannedTransactions, request: EndRequest): EndPlan | ProducerInstance {
  const { instance, event, now } = request
  const open = planned.open.get(instance.producerId)
  if (open?.isFenced !== true && open?.producerEpoch === instance.producerEpoch) {
    open.next(event)
    if (!open.isEmpty) return planDecision(planned, open, request)
    planned.open.delete(open)
    return instance
  }
  const entry = planned.table.byProducerId(instance.producerId)
  if (entry !== undefined && isBefore(entry, instance)) {
    const answer = answerAgain(entry.state, event)
    if (answer === 'repeat') return { producerId: entry.producerId, producerEpoch: entry.producerEpoch }
    throw refused(entry, answer, `can't ${event} that transaction, its state is ${entry.state}`)
  }
  if (entry === undefined || !isCurrent(entry, instance)) throw refusalIn(planned, instance)
  assertNext(entry, event)
  // Aborts a transaction that a crash of the log left no trace of: the raised epoch refuses what may still arrive of
  // it.
  const lost = new OpenTransaction(entry.transactionalId, instance, now, entry.timeoutMs)
  lost.next(event)
  planned.open.add(lost)
  return planDecision(planned, lost, { ...request, event: 'abort' })
}

function planDecision(
  planned: PlannedTransactions,
  open: OpenTransaction,
  { event, now, newProducerId }: EndRequest,
): EndPlan {
  const isCommit = event === 'commit'
  const { transactionalId, producerId, producerEpoch, timeoutMs } = open
  const markerEpoch = producerEpoch + 1
  const isLast = isExhausted(producerEpoch)
  const next = isLast
    ? { producerId: givenProducerId(newProducerId), producerEpoch: 0 }
    : { producerId, producerEpoch: markerEpoch }
  const record = planned.plan({
    kind: 'transaction-stored',
    transactionalId,
    ...next,
    timeoutMs,
    state: isCommit ? 'CompleteCommit' : 'CompleteAbort',
    partitions: [],
    lastUpdateMs: now,
    startMs: open.startMs,
    previousProducerId: isLast ? producerId : -1,
  })
  return { open, isCommit, markerEpoch, records: [record], next }
}
