import type { InitRequest } from './init-request.ts'
import type { OpenTransaction } from './open-transaction.ts'
import { type EndPlan, givenProducerId, type InitPlan, type PlannedTransactions } from './plans.ts'
import { assertNext } from './refusals.ts'
import { isExhausted } from './transaction-entry.ts'

/** See `Transactions.planInit`; the request was checked. */
export function planInit(planned: PlannedTransactions, request: InitRequest): InitPlan {
  const { transactionalId, timeoutMs, newProducerId, now } = request
  const entry = planned.table.byId(transactionalId)
  const open = entry && planned.open.get(entry.producerId)
  const aborts = open === undefined ? undefined : planFence(open)
  if (entry !== undefined && open === undefined) assertNext(entry, 'init')
  const lastEpoch = aborts?.markerEpoch ?? entry?.producerEpoch ?? 0
  const fresh = entry === undefined || isExhausted(lastEpoch)
  const instance = fresh
    ? { producerId: givenProducerId(newProducerId), producerEpoch: 0 }
    : { producerId: entry.producerId, producerEpoch: lastEpoch + 1 }
  const record = planned.plan({
    kind: 'transaction-stored',
    transactionalId,
    ...instance,
    timeoutMs,
    state: 'Empty',
    partitions: [],
    lastUpdateMs: now,
    startMs: -1,
    previousProducerId: fresh ? (entry?.producerId ?? -1) : -1,
  })
  return { records: [record], instance, aborts }
}

function planFence(open: OpenTransaction): EndPlan {
  open.next('fence')
  open.next('abort')
  open.isFenced = true
  const { producerId, producerEpoch } = open
  const markerEpoch = producerEpoch + 1
  return { open, isCommit: false, markerEpoch, records: [], next: { producerId, producerEpoch: markerEpoch } }
}
