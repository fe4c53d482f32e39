import type { Broker } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { BatchOf, RecordOf } from '../records.ts'
import { type Abortable, signalOf, throwIfAborted } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import { ConsumedRecord } from './consumed-record.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import type { Consumer, RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { DeliveredBatch } from './delivered-batch.ts'
import { Membership } from './membership.ts'
import { checkPlace, checkPosition, checkPositions, endPositions, placeKey, startPositions } from './start-positions.ts'

const MAX_BYTES = 1024 * 1024
const MAX_RECORDS = 500

export class GroupConsumer<T extends TopicRef> implements Consumer<T> {
  readonly #broker: Broker
  readonly #membership: Membership
  readonly #closed: () => void
  readonly #signal: Abortable['signal']
  readonly #keepsOwnPositions: boolean
  #isIterating = false
  #closing: Promise<void> | undefined
  /** Partitions take turns. */
  #turn = 0

  constructor(broker: Broker, options: ConsumerOptions<T>, closed: () => void) {
    this.#broker = broker
    this.#closed = closed
    this.#membership = new Membership(broker, options)
    this.#signal = signalOf(options)
    this.#keepsOwnPositions = options.positions !== undefined
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordOf<T>, void, undefined> {
    for await (const partition of this.#ready(this.#signal, MAX_BYTES)) {
      for (let record = partition.buffer?.next(); record !== undefined; record = partition.buffer?.next()) {
        partition.delivered(record.offset, record.offset, partition.buffer?.nextOffset ?? partition.endOffset)
        yield record as unknown as RecordOf<T>
        partition.askedNext()
        if (this.#closing !== undefined) return
        throwIfAborted(this.#signal)
        if (this.#membership.isUnsettled) break
      }
    }
  }

  batches(
    options: Abortable & { maxRecords?: number | undefined; maxBytes?: number | undefined } = {},
  ): AsyncIterable<BatchOf<T>> {
    const signal = signalOf(options) ?? this.#signal
    const { maxRecords = MAX_RECORDS, maxBytes = MAX_BYTES } = options
    for (const [option, value] of Object.entries({ maxRecords, maxBytes })) {
      if (Number.isSafeInteger(value) && value > 0) continue
      throw new LogError('INVALID_REQUEST', `${option} must be a whole number above 0`, { option })
    }
    return { [Symbol.asyncIterator]: () => this.#batches(signal, maxRecords, maxBytes) }
  }

  async *#batches(
    signal: Abortable['signal'],
    maxRecords: number,
    maxBytes: number,
  ): AsyncGenerator<BatchOf<T>, void, undefined> {
    for await (const partition of this.#ready(signal, maxBytes)) {
      const records: ConsumedRecord[] = []
      for (let record = partition.buffer?.next(); record !== undefined; record = partition.buffer?.next()) {
        records.push(record)
        if (records.length === maxRecords) break
      }
      const nextOffset = partition.buffer?.nextOffset ?? partition.endOffset
      const batch = new DeliveredBatch(records, nextOffset, this.#membership.generation)
      partition.delivered(batch.baseOffset, nextOffset - 1, nextOffset)
      yield batch as unknown as BatchOf<T>
      partition.askedNext()
      if (this.#closing !== undefined) return
      throwIfAborted(signal)
    }
  }

  /** Partitions that have records to deliver, in turn; waits for more without polling. One iteration at a time. */
  async *#ready(signal: Abortable['signal'], maxBytes: number): AsyncGenerator<AssignedPartition, void, undefined> {
    if (this.#isIterating) throw new LogError('CONSUMER_BUSY', 'this consumer is being iterated already')
    this.#assertOpen()
    this.#isIterating = true
    this.#membership.isIterating = true
    const wake = () => {
      this.#membership.interrupt().catch(() => {})
    }
    const isOver = () => this.#closing !== undefined || signal?.aborted === true || this.#signal?.aborted === true
    signal?.addEventListener('abort', wake, { once: true })
    if (signal !== this.#signal) this.#signal?.addEventListener('abort', wake, { once: true })
    try {
      for (;;) {
        throwIfAborted(signal)
        throwIfAborted(this.#signal)
        if (this.#closing !== undefined) return
        if (this.#membership.isUnsettled) await this.#membership.settle()
        const partition = this.#next()
        if (partition === undefined) await this.#fetch(maxBytes, isOver)
        else yield partition
      }
    } finally {
      signal?.removeEventListener('abort', wake)
      this.#signal?.removeEventListener('abort', wake)
      this.#isIterating = false
      this.#membership.isIterating = false
    }
  }

  /** What fails because the wait was interrupted isn't told: the loop sees why it was. */
  async #fetch(maxBytes: number, isOver: () => boolean): Promise<void> {
    try {
      await this.#membership.fetch(maxBytes, isOver)
    } catch (error) {
      if (!isOver()) throw error
    }
  }

  #next(): AssignedPartition | undefined {
    const { partitions } = this.#membership
    for (let count = 0; count < partitions.length; count++) {
      this.#turn = (this.#turn + 1) % partitions.length
      const partition = partitions[this.#turn]
      if (partition !== undefined && !partition.isPaused && partition.buffer !== undefined) return partition
    }
    return undefined
  }

  #assertOpen(): void {
    if (this.#closing === undefined || this.#membership.isLeaving) return
    throw new LogError('CONSUMER_CLOSED', 'the consumer is closed')
  }

  async commit(
    done: RecordOf<T> | BatchOf<T> | readonly Position[],
    { allowSkip = false }: { allowSkip?: boolean | undefined } = {},
  ): Promise<void> {
    this.#assertOpen()
    if (this.#keepsOwnPositions) {
      const message = 'this consumer takes its positions from elsewhere and never commits'
      throw new LogError('INVALID_REQUEST', message, { option: 'positions' })
    }
    const positions = committedPositions(done)
    await this.#membership.join()
    const deliveredIn = generationOf(done)
    const partitions = positions.map((position) => {
      return deliveredIn === undefined ? this.#membership.find(position) : this.#membership.held(position, deliveredIn)
    })
    partitions.forEach((partition, index) => {
      const { nextOffset } = positions[index] ?? { nextOffset: 0 }
      if (deliveredIn === undefined && !allowSkip) partition.assertFinished(nextOffset)
    })
    partitions.forEach((partition, index) => {
      partition.finish(positions[index]?.nextOffset ?? 0)
    })
    await this.#membership.commit(positions)
  }

  assignment(): readonly TopicPartition[] {
    return this.#membership.partitions.map(({ topic, partition }) => ({ topic, partition }))
  }

  position(at: TopicPartition): number {
    this.#assertOpen()
    return this.#membership.find(at).position
  }

  async committed(at: TopicPartition): Promise<number | undefined> {
    this.#assertOpen()
    const place = checkPlace(at)
    const session = await this.#membership.join()
    return (await session.committed([place]))[0]
  }

  async lag(): Promise<ReadonlyMap<string, number>> {
    this.#assertOpen()
    await this.#membership.join()
    const { partitions, settings } = this.#membership
    const ends = await endPositions(this.#broker.admin, partitions, settings.isolationLevel)
    return new Map(
      partitions.map((each, index) => [placeKey(each), Math.max(0, (ends[index]?.nextOffset ?? 0) - each.position)]),
    )
  }

  async seek(to: Position | (TopicPartition & { timestamp: number })): Promise<void> {
    this.#assertOpen()
    await this.#membership.join()
    const partition = this.#membership.find(to)
    if ('timestamp' in to) {
      const from = { timestamp: to.timestamp }
      const [found] = await startPositions(
        this.#broker.admin,
        [partition],
        from,
        this.#membership.settings.isolationLevel,
      )
      partition.seek(found?.nextOffset ?? 0)
    } else {
      partition.seek(checkPosition(to).nextOffset)
    }
    this.#membership.wake()
  }

  pause(which?: readonly TopicPartition[]): void {
    for (const partition of this.#select(which)) {
      partition.pause()
    }
    this.#membership.wake()
  }

  resume(which?: readonly TopicPartition[]): void {
    for (const partition of this.#select(which)) partition.isPaused = false
    this.#membership.wake()
  }

  #select(which: readonly TopicPartition[] | undefined): readonly AssignedPartition[] {
    return which === undefined ? this.#membership.partitions : which.map((at) => this.#membership.find(at))
  }

  on(event: RebalanceEvent, handler: RebalanceHandler): void {
    this.#membership.on(event, handler)
  }

  close(): Promise<void> {
    this.#closing ??= this.#membership.close().finally(this.#closed)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Of what was delivered: it can be committed by the member that has held the partition ever since. */
function generationOf(done: unknown): number | undefined {
  if (done instanceof DeliveredBatch) return done.generation
  return done instanceof ConsumedRecord ? ConsumedRecord.generationOf(done) : undefined
}

/** A record names itself, a position what follows: the record's commit is the offset after it. */
function committedPositions(done: unknown): Position[] {
  if (done instanceof ConsumedRecord) {
    return [{ topic: done.topic, partition: done.partition, nextOffset: done.offset + 1 }]
  }
  if (done instanceof DeliveredBatch) return [checkPosition(done)]
  if (Array.isArray(done)) return checkPositions(done, 'done')
  const message = 'commit takes a record or a batch of this consumer, or a list of positions'
  throw new LogError('INVALID_REQUEST', message, { option: 'done' })
}
