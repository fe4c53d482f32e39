import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { type Position, placeKey, type TopicPartition } from '../../model/positions.ts'
import { type BatchOptions, batchLimits } from '../batch-options.ts'
import { consumerClosed } from '../closed.ts'
import { FetchSize, FIRST_FETCH_BYTES } from '../fetch-size.ts'
import { Iteration } from '../iteration.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import { checkPlace, checkPosition, checkPositions } from '../places.ts'
import type { BatchOf, RecordOf } from '../records.ts'
import { refusedLater } from '../refused-later.ts'
import { type Abortable, signalOf } from '../signals.ts'
import { startPositions } from '../start-point.ts'
import type { TopicRef } from '../topic/topic.ts'
import { whileAnswered } from '../while-answered.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import { CommitOrder, type CommitPlace } from './commit-order.ts'
import { ConsumedRecord } from './consumed-record.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { ConsumerRun, type ConsumerRuns, type RunPlan } from './consumer-run.ts'
import type { Consumer, RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { DeliveredBatch } from './delivered-batch.ts'
import type { FetchedRecords } from './fetched-records.ts'
import { Membership } from './membership.ts'
import { OffsetCommits, type WriteOffsets } from './offset-commits.ts'

const MAX_BYTES = 1024 * 1024
const MAX_RECORDS = 500

type CommitOptions = NonNullable<Parameters<Consumer['commit']>[1]>

const BATCH_NAMES: OptionNames<Abortable & BatchOptions> = { maxRecords: true, maxBytes: true, signal: true }
const COMMIT_NAMES: OptionNames<CommitOptions> = { allowSkip: true }

/** What a consumer does when a transaction with offsets of it ends. */
export interface OffsetsInTransaction {
  committed(): void
  aborted(): void
}

export class GroupConsumer<T extends TopicRef> implements Consumer<T> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #membership: Membership
  readonly #commits: OffsetCommits
  readonly #plainCommits = new CommitOrder()
  readonly #closed: () => void
  readonly #signal: Abortable['signal']
  readonly #keepsOwnPositions: boolean
  readonly #runs: ConsumerRuns = { isIterating: false, isClosed: false }
  #closing: Promise<void> | undefined
  /** Such as of a partition that the group hasn't given to this member yet. */
  readonly #refuse = (error: unknown): Promise<never> => refusedLater(this.#port, error)
  /** How many calls of `seek` there were. */
  #seeks = 0

  constructor(broker: Broker, port: RuntimePort, options: ConsumerOptions<T>, closed: () => void) {
    this.#broker = broker
    this.#port = port
    this.#closed = closed
    this.#membership = new Membership(broker, port, options)
    this.#commits = new OffsetCommits(this.#membership)
    this.#signal = signalOf(options)
    this.#keepsOwnPositions = options.positions !== undefined
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<RecordOf<T>, undefined, undefined> {
    const takeFrom = (buffer: FetchedRecords) => {
      const record = buffer.next()
      const { offset } = record
      return { item: record as unknown as RecordOf<T>, baseOffset: offset, lastOffset: offset, stays: true }
    }
    return this.#iterate({ signals: [this.#signal], sizes: new FetchSize(MAX_BYTES, FIRST_FETCH_BYTES), takeFrom })
  }

  batches(options: Abortable & BatchOptions = {}): AsyncIterable<BatchOf<T>> {
    const defaults = { maxRecords: MAX_RECORDS, maxBytes: MAX_BYTES }
    const limits = batchLimits(options, BATCH_NAMES, defaults)
    const signals = [...new Set([signalOf(options), this.#signal])]
    const takeFrom = (buffer: FetchedRecords) => {
      const batch = buffer.nextBatch(limits, this.#membership.generation)
      const { baseOffset, nextOffset } = batch
      return { item: batch as unknown as BatchOf<T>, baseOffset, lastOffset: nextOffset - 1, stays: false }
    }
    const planOf = () => ({ signals, sizes: new FetchSize(limits.maxBytes), takeFrom })
    return { [Symbol.asyncIterator]: () => this.#iterate(planOf()) }
  }

  #iterate<I>(plan: RunPlan<I>): Iteration<I> {
    return new Iteration(new ConsumerRun(this.#membership, this.#runs, plan))
  }

  #assertOpen(): void {
    if (this.#closing === undefined || this.#membership.isLeaving) return
    throw consumerClosed(this.#membership.settings.groupId)
  }

  async commit(done: RecordOf<T> | BatchOf<T> | readonly Position[], options: CommitOptions = {}): Promise<void> {
    const ordinal = this.#plainCommits.called()
    const write: WriteOffsets = (session, positions, generation) => session.commit(positions, generation)
    const { committing } = await this.#finish(done, options, 'commit', (places) => ({
      committing: this.#commits.commit(places, this.#plainCommits, ordinal, write),
    })).catch(this.#refuse)
    for (const place of await committing) place.committed()
  }

  /**
   * This consumer's part in a transaction: `send` hands over its offsets, in the order of the transaction's calls. What
   * it resolves with must be told how the transaction ended.
   */
  async sendOffsets(
    done: unknown,
    options: CommitOptions,
    order: CommitOrder,
    send: WriteOffsets,
  ): Promise<OffsetsInTransaction> {
    const rewind = (places: readonly Pick<CommitPlace, 'held'>[]) => {
      for (const { held } of places) held.rewind()
      this.#membership.wake()
    }
    const ordinal = order.called()
    const write = (places: readonly CommitPlace[]) => {
      return { places, sending: this.#commits.commit(places, order, ordinal, send) }
    }
    const { places, sending } = await this.#finish(done, options, 'sendOffsets', write, rewind).catch(this.#refuse)
    const aborted = () => rewind(places)
    try {
      const sent = await sending
      const committed = () => {
        for (const place of sent) place.committed()
      }
      return { committed, aborted }
    } catch (error) {
      aborted()
      throw error
    }
  }

  /**
   * Whether an abort took the consumer back to before this batch. Its partition is held still, as none is given up or
   * lost before the next batch is asked for.
   */
  comesAgain(batch: DeliveredBatch): boolean {
    return this.#membership.assignment.find(batch).position < batch.nextOffset
  }

  /**
   * Takes what is to be committed as finished, and has `write` begin to commit it. `passedUnfinished` is told of places
   * that passed unfinished records.
   */
  async #finish<R extends object>(
    done: unknown,
    options: CommitOptions,
    call: string,
    write: (places: readonly CommitPlace[]) => R,
    passedUnfinished?: (places: readonly Pick<CommitPlace, 'held'>[]) => void,
  ): Promise<R> {
    this.#assertOpen()
    assertOptions(options, COMMIT_NAMES, call)
    const allowSkip = checkAllowSkip(options)
    if (this.#keepsOwnPositions) {
      const message = 'this consumer takes its positions from elsewhere and never commits'
      throw new LogError('INVALID_REQUEST', message, { option: 'positions' })
    }
    const positions = committedPositions(done)
    const places = () => this.#places(done, positions, allowSkip, passedUnfinished)
    if (!this.#membership.hasPartitions) return this.#membership.withPartitions(() => write(places()))
    const found = places()
    // What the member is being told at this moment counts, such as that the group has put it out.
    await undefined
    return write(found)
  }

  #places(
    done: unknown,
    positions: readonly Position[],
    allowSkip: boolean,
    passedUnfinished?: (places: readonly Pick<CommitPlace, 'held'>[]) => void,
  ): readonly CommitPlace[] {
    const delivery = deliveryOf(done)
    const { assignment } = this.#membership
    const found = positions.map((position) => {
      const held =
        delivery === undefined ? assignment.findHeld(position) : assignment.stillHeld(position, delivery.held)
      return { held, position }
    })
    if (delivery === undefined && !allowSkip) {
      try {
        for (const { held, position } of found) held.assertFinished(position.nextOffset)
      } catch (error) {
        passedUnfinished?.(found)
        throw error
      }
    }
    return found.map(({ held, position: { topic, partition, nextOffset } }) => {
      const position = { topic, partition, nextOffset, topicId: held.topicId }
      return { held, position, committed: held.finish(nextOffset) }
    })
  }

  assignment(): readonly TopicPartition[] {
    return this.#membership.assignment.partitions.map(({ topic, partition }) => ({ topic, partition }))
  }

  position(at: TopicPartition): number {
    this.#assertOpen()
    return this.#membership.assignment.find(at).position
  }

  async committed(at: TopicPartition): Promise<number | undefined> {
    this.#assertOpen()
    const place = checkPlace(at)
    const session = await this.#membership.join()
    const committed = session.committed([place], { requireStable: false })
    return (await this.#membership.assignment.expulsion.watch(committed))[0]
  }

  async lag(): Promise<ReadonlyMap<string, number>> {
    this.#assertOpen()
    await this.#membership.joinForPartitions()
    const { assignment, settings } = this.#membership
    const { partitions } = assignment
    const at = partitions.map(({ topic, partition, position }) => ({ topic, partition, nextOffset: position }))
    const unread = await this.#broker.admin.unread(at, settings.isolationLevel)
    const lags = unread.map(({ nextOffset, endOffset }) => endOffset - nextOffset)
    return new Map(at.map((each, index) => [placeKey(each), lags[index] as number]))
  }

  seek(to: Position | (TopicPartition & { timestamp: number })): Promise<void> {
    // As of a commit.
    return this.#seek(to).catch((error) => refusedLater(this.#port, error))
  }

  async #seek(to: Position | (TopicPartition & { timestamp: number })): Promise<void> {
    this.#assertOpen()
    const call = ++this.#seeks
    await this.#membership.joinForPartitions()
    const partition = this.#membership.assignment.find(to)
    if ('timestamp' in to) {
      // Perhaps the answer of a `send` was spread into the position: its timestamp would silently have won.
      if ('nextOffset' in to) throw eitherOffsetOrTime(partition)
      const from = { timestamp: to.timestamp }
      const [found] = await startPositions(
        this.#broker.admin,
        [partition],
        from,
        this.#membership.settings.isolationLevel,
      )
      this.#membership.assignment.findAgain(partition).seek(found?.nextOffset ?? 0, call)
    } else {
      partition.seek(checkPosition(to).nextOffset, call)
    }
    this.#membership.wake()
  }

  pause(which?: readonly TopicPartition[]): void {
    for (const partition of this.#select(which)) partition.isPaused = true
    this.#membership.wake()
  }

  resume(which?: readonly TopicPartition[]): void {
    for (const partition of this.#select(which)) partition.isPaused = false
    this.#membership.wake()
  }

  #select(which: readonly TopicPartition[] | undefined): readonly AssignedPartition[] {
    this.#assertOpen()
    if (which === undefined) return this.#membership.assignment.partitions
    if (Array.isArray(which)) return which.map((at) => this.#membership.assignment.find(at))
    throw new LogError('INVALID_REQUEST', 'which must be a list of partitions', { argument: 'which' })
  }

  on(event: RebalanceEvent, handler: RebalanceHandler): void {
    this.#membership.assignment.on(event, handler)
  }

  /** Called once the group has put it out: what is in the program's hands can't be committed any more. */
  onExpulsion(listener: (error: unknown) => void): void {
    this.#membership.assignment.expulsion.on(listener)
  }

  close(): Promise<void> {
    this.#runs.isClosed = true
    this.#closing ??= whileAnswered(this.#broker, this.#membership.close().finally(this.#closed))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * The partition from which records of this consumer were delivered: only the member that has held it ever since may
 * commit them. `undefined` for bare positions.
 */
function deliveryOf(done: unknown): { readonly held: TopicPartition | undefined } | undefined {
  if (done instanceof DeliveredBatch) return { held: DeliveredBatch.heldAtDelivery(done) }
  return done instanceof ConsumedRecord ? { held: ConsumedRecord.heldAtDelivery(done) } : undefined
}

/** A record names itself, so its commit is the offset after it. A batch and a position already name what follows. */
function committedPositions(done: unknown): Position[] {
  if (done instanceof ConsumedRecord) {
    return [{ topic: done.topic, partition: done.partition, nextOffset: done.offset + 1 }]
  }
  if (done instanceof DeliveredBatch) return [checkPosition(done)]
  if (Array.isArray(done)) return checkPositions(done, 'done')
  const message = 'commit takes a record or a batch of this consumer, or a list of positions'
  throw new LogError('INVALID_REQUEST', message, { option: 'done' })
}

function eitherOffsetOrTime({ topic, partition }: TopicPartition): LogError {
  const message = `seek of ${topic}-${partition} takes a nextOffset or a timestamp, not both`
  return new LogError('INVALID_REQUEST', message, { topic, partition, argument: 'to' })
}

/** Only `true` allows a skip: some other value that was meant as "no" must not lose records. */
function checkAllowSkip({ allowSkip = false }: CommitOptions): boolean {
  if (typeof allowSkip === 'boolean') return allowSkip
  throw new LogError('INVALID_REQUEST', 'allowSkip must be true or false', { option: 'allowSkip' })
}
