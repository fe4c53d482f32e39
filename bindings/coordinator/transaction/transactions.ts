import { PlannedTable } from '../../log/catalogue/planned-table.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import { planEnd } from './end-transaction.ts'
import { IdExpiration } from './id-expiration.ts'
import { planInit } from './init-producer-id.ts'
import { assertInit, type InitRequest } from './init-request.ts'
import { OpenTransaction } from './open-transaction.ts'
import { OpenTransactions } from './open-transactions.ts'
import { type EndPlan, type InitPlan, type PlannedTransactions, refusalIn } from './plans.ts'
import { type FoundTransaction, planRecovery } from './recovery.ts'
import { assertNext, isCurrent, refused } from './refusals.ts'
import {
  isExhausted,
  type ProducerInstance,
  type TransactionEntry,
  type TransactionStored,
} from './transaction-entry.ts'
import { factsOf, type TransactionFacts } from './transaction-facts.ts'
import { decodeTransactionRecord, encodeTransaction, encodeTransactionTombstone } from './transaction-record.ts'
import { nextTransactionState } from './transaction-state.ts'
import { TransactionTable } from './transaction-table.ts'

/**
 * Transactional ids, which the records of `__transaction_state` tell, and the transactions that are open. Pure, as
 * Groups is: `plan...` checks against what is committed or under way and throws a LogError or returns records, `apply`
 * takes them once they are durable. Since one commit holds decision and markers, only Empty, Complete... and, at a
 * close, Ongoing are ever written (docs/decisions/006-transactions.md).
 */
export class Transactions {
  readonly #tables: PlannedTable<TransactionEntry, TransactionTable> = new PlannedTable(
    new TransactionTable(),
    new TransactionTable(),
  )
  readonly #open = new OpenTransactions()
  readonly #expiration = new IdExpiration()
  readonly #planned: PlannedTransactions = {
    table: this.#tables.planned,
    open: this.#open,
    plan: (entry) => this.#plan(entry),
  }

  /** Whether `planInit` needs an id of its own for the producer. */
  initNeedsProducerId(transactionalId: string): boolean {
    const entry = this.#tables.planned.byId(transactionalId)
    return (
      entry === undefined || isExhausted(entry.producerEpoch + (this.#open.get(entry.producerId) === undefined ? 0 : 1))
    )
  }

  /**
   * A new instance takes the id over: the one before is fenced, its open transaction aborted. CONCURRENT_TRANSACTIONS
   * while a decision is under way (kafka.md 4.3).
   */
  planInit(request: InitRequest): InitPlan {
    assertInit(request)
    this.#expiration.known(request.now)
    return planInit(this.#planned, request)
  }

  /** Opens a transaction. Allowed again while the open one is still empty. */
  begin({ producerId, producerEpoch }: ProducerInstance, now: number): void {
    const open = this.#open.get(producerId)
    if (open !== undefined && open.producerEpoch === producerEpoch && !open.isFenced) {
      if (open.state === 'Ongoing' && open.isEmpty) return
      return open.next('begin')
    }
    const entry = this.#tables.planned.byProducerId(producerId)
    if (entry === undefined || !isCurrent(entry, { producerId, producerEpoch })) {
      throw refusalIn(this.#planned, { producerId, producerEpoch })
    }
    assertNext(entry, 'begin')
    const instance = { producerId, producerEpoch }
    this.#open.add(new OpenTransaction(entry.transactionalId, instance, now, entry.timeoutMs))
  }

  /** The transaction that this producer may send in: TRANSACTION_ABORTABLE, PRODUCER_FENCED and so on without one. */
  openOf(producerId: number, producerEpoch: number): OpenTransaction {
    const open = this.#open.get(producerId)
    if (open !== undefined && open.producerEpoch === producerEpoch && open.state === 'Ongoing') return open
    throw refusalIn(this.#planned, { producerId, producerEpoch })
  }

  /** Whether the end of this producer's transaction needs a new producer id. */
  endNeedsProducerId(producerEpoch: number): boolean {
    return isExhausted(producerEpoch)
  }

  get areSeveralOpen(): boolean {
    return this.#open.size > 1
  }

  /** The open transaction of exactly this epoch. */
  find({ producerId, producerEpoch }: ProducerInstance): OpenTransaction | undefined {
    const open = this.#open.get(producerId)
    return open?.producerEpoch === producerEpoch ? open : undefined
  }

  /** The transaction that is being ended in this way already: ask again once it is decided. */
  ending(instance: ProducerInstance, event: 'commit' | 'abort'): OpenTransaction | undefined {
    const open = this.find(instance)
    const isSame = open?.state === (event === 'commit' ? 'PrepareCommit' : 'PrepareAbort')
    return isSame && open?.isFenced === false ? open : undefined
  }

  /** The transaction of this id whose end is under way. */
  endingOf(transactionalId: string): OpenTransaction | undefined {
    const open = this.#openOfId(this.#tables.planned.byId(transactionalId))
    return open?.state === 'Ongoing' ? undefined : open
  }

  /** The open transaction of the entry. The end of the last epoch is planned under the next producer id already. */
  #openOfId(entry: TransactionStored | undefined): OpenTransaction | undefined {
    return entry && (this.#open.get(entry.producerId) ?? this.#open.get(entry.previousProducerId))
  }

  /** TRANSACTIONAL_ID_NOT_FOUND. */
  known(transactionalId: string): TransactionStored {
    const entry = this.#tables.planned.byId(transactionalId)
    if (entry !== undefined) return entry
    const message = `nobody had the transactional id "${transactionalId}"`
    throw new LogError('TRANSACTIONAL_ID_NOT_FOUND', message, { transactionalId })
  }

  /** The open transaction of an id: TRANSACTIONAL_ID_NOT_FOUND, INVALID_TXN_STATE without one. */
  openOfId(transactionalId: string): OpenTransaction {
    const entry = this.known(transactionalId)
    const open = this.#openOfId(entry)
    if (open !== undefined) return open
    throw refused(entry, 'INVALID_TXN_STATE', `has no open transaction, its state is ${entry.state}`)
  }

  /** The transactional id that a producer id belongs to. */
  idOf(producerId: number): string | undefined {
    return this.#tables.durable.byProducerId(producerId)?.transactionalId
  }

  /**
   * Commit or abort: a plan; or the producer for the next transaction at once, where there is nothing to decide or
   * where the answer to the same request was lost (kafka.md 4.6, durability rule 9).
   */
  planEnd(
    instance: ProducerInstance,
    event: 'commit' | 'abort',
    now: number,
    newProducerId: number | undefined,
  ): EndPlan | ProducerInstance {
    return planEnd(this.#planned, { instance, event, now, newProducerId })
  }

  /** Decision and markers are durable. */
  decided(open: OpenTransaction): void {
    open.next('decided')
    this.#open.delete(open)
  }

  /**
   * Before a close: open transactions go on after the next open, and the time since their `startMs` counts. One with
   * offsets doesn't: these are in memory alone, and it must not be committed without them.
   */
  planClose(now: number): readonly TableRecord[] {
    const records: TableRecord[] = []
    for (const open of this.#open.all()) {
      const entry = this.#tables.planned.byProducerId(open.producerId)
      if (entry === undefined || open.state !== 'Ongoing' || open.partitions.length === 0) continue
      const goesOn = !open.hasOffsets
      // The record of an earlier close may say that it goes on.
      if (!goesOn && entry.state !== 'Ongoing') continue
      const partitions = open.partitions.map(({ topic, partition }) => ({ topic, partition }))
      const state = goesOn
        ? ({ state: 'Ongoing', partitions, startMs: open.startMs } as const)
        : ({ state: 'Empty', partitions: [], startMs: -1 } as const)
      records.push(this.#plan({ ...entry, ...state, lastUpdateMs: now }))
    }
    return records
  }

  /**
   * Called once, after the last record at open. After a clean close open transactions go on. After any other end all
   * undecided ones must be aborted before anything is answered, even those that only batches in a segment show
   * (durability rule 9).
   */
  recover(found: readonly FoundTransaction[], isClean: boolean, now: number): readonly EndPlan[] {
    if (this.#tables.planned.size > 0) this.#expiration.known(now)
    return planRecovery(this.#planned, found, isClean, now)
  }

  /** When to ask `expired` next; may be early, never late. */
  nextDeadline(): number | undefined {
    const next = Math.min(this.#open.nextDeadline, this.#expiration.nextCheck)
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /**
   * One tombstone for each id that nobody has used for that long, at most once an hour. A producer of it that still
   * exists is refused from then on.
   */
  planExpiry(now: number): readonly TableRecord[] {
    if (!this.#expiration.takeCheck(now)) return []
    const idle = [...this.#tables.planned.all()].filter((entry) => {
      const isIdle = nextTransactionState(entry.state, 'expire') === 'Dead' && this.#openOfId(entry) === undefined
      return isIdle && this.#expiration.isOver(entry.transactionalId, entry.lastUpdateMs, now)
    })
    return idle.map(({ transactionalId }) => {
      const tombstone = encodeTransactionTombstone(transactionalId, now)
      this.#expiration.forgotten(transactionalId)
      return this.#tables.plan({ kind: 'transaction-removed', transactionalId }, tombstone)
    })
  }

  /** Transactions that took longer than their timeout: abort them. */
  expired(now: number): readonly OpenTransaction[] {
    return this.#open.expired(now)
  }

  /** The wall clock was set forward by `byMs` while no time passed: open transactions don't get older by that. */
  clockMoved(byMs: number): void {
    this.#open.clockMoved(byMs)
    this.#expiration.clockMoved(byMs)
  }

  /**
   * Takes durable records in their order: those that `plan...` returned, as the same objects, or at open those that
   * were read.
   */
  apply(record: TableRecord, place: TableRecordPlace): void {
    this.#tables.apply(record, () => decodeTransactionRecord(record, place))
  }

  describe(transactionalId: string): TransactionFacts | undefined {
    const entry = this.#tables.durable.byId(transactionalId)
    return entry && factsOf(entry, this.#open.get(entry.producerId))
  }

  /** Sorted by id. */
  list(): readonly TransactionFacts[] {
    const all = Array.from(this.#tables.durable.all(), (entry) => factsOf(entry, this.#open.get(entry.producerId)))
    return all.sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
  }

  #plan(entry: TransactionStored): TableRecord {
    this.#expiration.used(entry.transactionalId)
    return this.#tables.plan(entry, encodeTransaction(entry))
  }
}
