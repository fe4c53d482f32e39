import type { Groups } from '../coordinator/group/groups.ts'
import type { OpenTransaction } from '../coordinator/transaction/open-transaction.ts'
import type { EndPlan } from '../coordinator/transaction/plans.ts'
import type { FoundTransaction } from '../coordinator/transaction/recovery.ts'
import type { Transactions } from '../coordinator/transaction/transactions.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { StoredPartition } from '../storage/stored-state.ts'
import type { Callback, CommandOf, ProducerInstance } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { MARKER_BYTES, type PlannedChange } from './planned-change.ts'
import type { Topics } from './topics.ts'

type Then = (error: unknown) => void

/** Bytes of an offset's record in a frame, with names at about their longest. */
const OFFSET_BYTES = 512
const TRANSACTION_BYTES = 512

export interface TransactingHooks {
  readonly transactions: Transactions
  readonly groups: Groups
  readonly topics: Topics
  readonly store: PartitionStore
  /**
   * A transaction's records are made durable ahead of its end each time that this many bytes were written (durability
   * rule 9).
   */
  readonly transactionBufferBytes: number
  /** Makes the partition durable with the next commit set. */
  wantDurable(hosted: HostedPartition): void
  now(): number
  change(change: PlannedChange): void
  /** Calls back once everything is durable that was planned before. */
  whenDecided(done: Then): void
  /** Calls back with the refusal once everything is durable that was planned before. */
  refuse(refusal: unknown, done: Then): void
  newProducerId(done: Callback<number>): void
  whenActive(hosted: HostedPartition, then: (error: unknown) => void): void
  liveTopic(topicId: string): { readonly name: string; readonly partitions: number } | undefined
}

/**
 * Connects transactions, partitions and groups: who may append, and the one commit set in which a decision, its markers
 * and its offsets become durable together (durability rules 3 and 9).
 */
export class Transacting {
  readonly #hooks: TransactingHooks
  /** Callers that ask again once a decision is durable. */
  readonly #waiting = new Map<OpenTransaction, Then[]>()
  /** Callers that want committed offsets which an open transaction may still change. */
  readonly #waitingForOffsets: Then[] = []
  #isClosing = false

  constructor(hooks: TransactingHooks) {
    this.#hooks = hooks
  }

  init(command: CommandOf<'initTransactionalProducer'>): void {
    const { transactionalId, timeoutMs, done } = command
    const { transactions } = this.#hooks
    this.#withProducerId(done, transactions.initNeedsProducerId(transactionalId), (newProducerId) => {
      const ending = transactions.endingOf(transactionalId)
      if (ending !== undefined) return this.#afterDecision(ending, done, () => this.init(command))
      const request = { transactionalId, timeoutMs, newProducerId, now: this.#hooks.now() }
      const { records, instance, aborts } = transactions.planInit(request)
      if (aborts !== undefined) return this.#decide({ ...aborts, records, next: instance }, done)
      this.#hooks.change({
        transactions: records,
        done: (error) => (error === undefined ? done(undefined, instance) : done(error)),
      })
    })
  }

  begin({ instance, done }: CommandOf<'beginTransaction'>): void {
    this.#hooks.transactions.begin(instance, this.#hooks.now())
    done(undefined)
  }

  /** To be called before an append. Returns its transaction, or throws what refuses the append. */
  admit(hosted: HostedPartition, producerId: number, producerEpoch: number): OpenTransaction {
    const open = this.#hooks.transactions.openOf(producerId, producerEpoch)
    if (!hosted.partition.hasOpenTransaction(producerId)) this.#assertRoom(open, MARKER_BYTES)
    return open
  }

  /** Whether several are under way, so that what they append at one moment can share a write. */
  get areSeveral(): boolean {
    return this.#hooks.transactions.areSeveralOpen
  }

  join(open: OpenTransaction, hosted: HostedPartition): void {
    open.partitions.push(hosted.id)
  }

  /**
   * Flushes a large transaction's partitions ahead, so that its commit finds most of it durable: each time that
   * `transactionBufferBytes` were written and another batch comes. Not right after the last batch, since the commit's
   * own flush follows that one.
   */
  wrote(open: OpenTransaction, { id }: HostedPartition, sizeBytes: number): void {
    if (open.unflushedBytes >= this.#hooks.transactionBufferBytes) {
      for (const each of this.#hostedAt(open.unflushed)) this.#hooks.wantDurable(each)
      open.unflushed = []
      open.unflushedBytes = 0
    }
    open.unflushedBytes += sizeBytes
    if (!open.unflushed.includes(id)) open.unflushed.push(id)
  }

  /** Throws if no frame could hold the whole decision. */
  #assertRoom(open: OpenTransaction, sizeBytes: number): void {
    const { decisionBytesMax } = this.#hooks.store
    const markerBytes = open.partitions.length * MARKER_BYTES
    if (TRANSACTION_BYTES + markerBytes + open.offsetBytes + sizeBytes <= decisionBytesMax) return
    const { transactionalId, producerId } = open
    const message = `the decision of a transaction of "${transactionalId}" would take more than ${decisionBytesMax} bytes`
    const partitions = open.partitions.length
    throw new LogError('RECORD_LIST_TOO_LARGE', message, { transactionalId, producerId, partitions, decisionBytesMax })
  }

  sendOffsets({ instance, request, done }: CommandOf<'sendOffsets'>): void {
    // What is noted for the next open says already whether the transaction goes on, and no close keeps its offsets.
    if (this.#isClosing) throw new LogError('LOG_CLOSED', 'the log is closed')
    const { transactions, groups, now, liveTopic } = this.#hooks
    const open = transactions.openOf(instance.producerId, instance.producerEpoch)
    const { groupId, memberId, generation, offsets } = request
    // Each record names its group, in up to three bytes a character.
    const sizeBytes = (OFFSET_BYTES + 3 * groupId.length) * offsets.length
    this.#assertRoom(open, sizeBytes)
    groups.addPending(instance.producerId, { groupId, memberId, generation, offsets, now: now() }, liveTopic)
    open.hasOffsets = true
    open.offsetBytes += sizeBytes
    done(undefined)
  }

  /**
   * `opened`: the partitions that were opened for it so far. They are opened one after the other, and may be more than
   * may be open at once.
   */
  end(command: CommandOf<'endTransaction'>, opened: Set<HostedPartition> = new Set()): void {
    const { instance, event, done } = command
    const { transactions, store, now, whenActive } = this.#hooks
    const ending = transactions.ending(instance, event)
    if (ending !== undefined) return this.#afterDecision(ending, done, () => this.end(command))
    const partitions = this.#hostedAt(transactions.find(instance)?.partitions ?? [])
    const inactive = partitions.find((hosted) => !opened.has(hosted) && !store.isActive(hosted.id))
    if (inactive !== undefined) {
      opened.add(inactive)
      return whenActive(inactive, (error) => {
        // On a full disk a batch that waited before it got no new segment. The marker gets one: the reserve is for
        // decisions. It needs no index either, for which there may be no memory. And a partition that was deleted
        // meanwhile is no longer part of this transaction.
        const isNoRoom = LogError.is(error, 'STORAGE_FULL', 'MEMORY_CAP_REACHED')
        const mayGoOn = error === undefined || isNoRoom || inactive.isDead
        if (mayGoOn) this.#attempt(done, () => this.end(command, opened))
        else done(error)
      })
    }
    this.#withProducerId(done, transactions.endNeedsProducerId(instance.producerEpoch), (newProducerId) => {
      // The same end may have been asked for twice, and the first one planned while both waited for the producer id.
      const planned = transactions.ending(instance, event)
      if (planned !== undefined) return this.#afterDecision(planned, done, () => this.end(command))
      const plan = transactions.planEnd(instance, event, now(), newProducerId)
      if ('open' in plan) this.#decide(plan, done)
      else done(undefined, plan)
    })
  }

  /** An administrator aborts it, as the clock would: its producer hears of it at the next call. */
  abort({ transactionalId, done }: CommandOf<'abortTransaction'>): void {
    const open = this.#hooks.transactions.openOfId(transactionalId)
    const { producerId, producerEpoch } = open
    const instance = { producerId, producerEpoch }
    const ended: Callback<ProducerInstance> = (error, next) => {
      // A fence that came first aborts it as well; that its producer is fenced doesn't matter to the administrator.
      if (!LogError.is(error, 'PRODUCER_FENCED')) done(error, next)
      else if (open.state !== 'PrepareAbort') done(undefined, instance)
      else this.#afterDecision(open, done, () => done(undefined, instance))
    }
    this.#attempt(ended, () => this.end({ kind: 'endTransaction', instance, event: 'abort', done: ended }))
  }

  fence({ transactionalId, done }: CommandOf<'fenceProducer'>): void {
    const { timeoutMs } = this.#hooks.transactions.known(transactionalId)
    this.init({ kind: 'initTransactionalProducer', transactionalId, timeoutMs, done })
  }

  /**
   * Aborts transactions that took too long; their producers hear of it at the next call. Removes ids that nobody used
   * for long, each by itself.
   */
  expire(now: number): void {
    for (const record of this.#hooks.transactions.planExpiry(now)) {
      this.#hooks.change({ transactions: [record], done: () => {} })
    }
    for (const { producerId, producerEpoch } of this.#hooks.transactions.expired(now)) {
      const instance = { producerId, producerEpoch }
      this.end({ kind: 'endTransaction', instance, event: 'abort', done: () => {} })
    }
  }

  /**
   * Calls back once no open transaction may change the committed offsets of these partitions, and whatever ended the
   * last one's part in them is durable.
   */
  awaitStableOffsets(command: CommandOf<'awaitStableOffsets'>): void {
    const { groupId, at, done } = command
    const { groups, whenDecided } = this.#hooks
    if (!at.some(({ topicId, partition }) => groups.isPending(groupId, topicId, partition))) return whenDecided(done)
    this.#waitingForOffsets.push((error) => (error === undefined ? this.awaitStableOffsets(command) : done(error)))
  }

  /** Changes of groups, topics and transactions are durable: the offsets that one waits for may be stable now, or gone. */
  decided(): void {
    for (const then of this.#waitingForOffsets.splice(0)) then(undefined)
  }

  /** Takes what the opening found without a decision, and plans the aborts, before anything is answered (rule 9). */
  recover(partitions: readonly StoredPartition[], isClean: boolean): void {
    const found = new Map<number, FoundTransaction & { partitions: StoredPartition['id'][] }>()
    for (const { id, producers } of partitions) {
      for (const { producerId, producerEpoch, currentTransactionFirstOffset } of producers) {
        if (currentTransactionFirstOffset < 0) continue
        const known = found.get(producerId)
        const epoch = Math.max(producerEpoch, known?.producerEpoch ?? 0)
        found.set(producerId, { producerId, producerEpoch: epoch, partitions: [...(known?.partitions ?? []), id] })
      }
    }
    const plans = this.#hooks.transactions.recover([...found.values()], isClean, this.#hooks.now())
    for (const plan of plans) this.#decide(plan, () => {})
  }

  /** Returns what the next open has to know. */
  planClose(now: number): readonly TableRecord[] {
    this.#isClosing = true
    return this.#hooks.transactions.planClose(now)
  }

  fail(error: unknown): void {
    for (const open of [...this.#waiting.keys()]) this.#callWaiting(open, error)
    for (const then of this.#waitingForOffsets.splice(0)) then(error)
  }

  #hostedAt(ids: OpenTransaction['partitions']): HostedPartition[] {
    const partitions: HostedPartition[] = []
    for (const id of ids) {
      const hosted = this.#hooks.topics.hostedById(id)
      if (hosted !== undefined) partitions.push(hosted)
    }
    return partitions
  }

  #decide(plan: EndPlan, done: Callback<ProducerInstance>): void {
    const { open, isCommit, markerEpoch, records, next } = plan
    const { transactions, groups } = this.#hooks
    const { producerId } = open
    const offsets = isCommit ? groups.planPending(producerId) : []
    if (!isCommit) groups.dropPending(producerId)
    const marker = { producerId, producerEpoch: markerEpoch, isCommit }
    this.#hooks.change({
      offsets,
      transactions: records,
      end: { marker, partitions: this.#hostedAt(open.partitions) },
      done: (error) => {
        if (error !== undefined) return done(error)
        transactions.decided(open)
        done(undefined, next)
        this.#callWaiting(open, undefined)
      },
    })
  }

  #afterDecision(open: OpenTransaction, done: Then, again: () => void): void {
    const then = (error: unknown) => (error === undefined ? this.#attempt(done, again) : done(error))
    const waiting = this.#waiting.get(open)
    if (waiting === undefined) this.#waiting.set(open, [then])
    else waiting.push(then)
  }

  #callWaiting(open: OpenTransaction, error: unknown): void {
    const waiting = this.#waiting.get(open) ?? []
    this.#waiting.delete(open)
    for (const then of waiting) then(error)
  }

  /** `then` may throw what refuses the command. */
  #withProducerId(done: Then, isNeeded: boolean, then: (producerId: number | undefined) => void): void {
    if (!isNeeded) return then(undefined)
    this.#hooks.newProducerId((error, producerId) => {
      if (error === undefined) this.#attempt(done, () => then(producerId))
      else done(error)
    })
  }

  #attempt(done: Then, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#hooks.refuse(error, done)
    }
  }
}
