import type { Broker } from '../broker/broker.ts'
import type { FetchedPartition, ReaderSession, TopicPosition } from '../broker/reader-session.ts'
import type { RuntimePort } from '../broker/runtime-port.ts'
import type { TopicFacts } from '../broker/topic-facts.ts'
import { LogError } from '../model/errors.ts'
import { type IsolationLevel, type Position, placeKey, type TopicPartition } from '../model/positions.ts'
import { ReusedMemory } from '../model/reused-memory.ts'
import type { Decoder, Loan } from './consumer/consumed-record.ts'
import { FetchedRecords } from './consumer/fetched-records.ts'
import type { FetchSize } from './fetch-size.ts'
import type { ItemSource } from './iteration.ts'
import { assertPartition } from './producer/partitioner.ts'
import { refusedLater } from './refused-later.ts'
import { type Abortable, abortable, throwIfAborted, wokenBy } from './signals.ts'
import { type StartPoint, startPositions } from './start-point.ts'

export interface ReadParts {
  readonly broker: Broker
  readonly port: Pick<RuntimePort, 'defer'>
}

/** What to read, checked. */
export interface ReadPlan {
  readonly decoders: ReadonlyMap<string, Decoder>
  readonly isolationLevel: IsolationLevel
  readonly from: StartPoint
  /** Positions that the program gave, or the ends of the partitions, with the topics that these are of. */
  readonly until: readonly Position[] | Promise<readonly TopicPosition[]> | undefined
  readonly signal: Abortable['signal']
}

/** How items are made of what was fetched. */
export interface ReadMode<T> {
  readonly sizes: FetchSize
  /** Items are valid until the next one is asked for. */
  readonly isBorrowed: boolean
  takeFrom(records: FetchedRecords, loan: Loan | undefined): T
}

/** One run of a reader over its partitions: resolves them, reads them, ends at `until`. */
export class ReadRun<T> implements ItemSource<T> {
  readonly #broker: Broker
  readonly #port: Pick<RuntimePort, 'defer'>
  readonly #plan: ReadPlan
  readonly #mode: ReadMode<T>
  readonly #memory: ReusedMemory | undefined
  readonly #wake: () => void
  #session: ReaderSession | undefined
  #isStopped = false
  /** Ends the wait for the start. */
  #endWaiting = (): void => {}
  /** Where reading goes on in each partition that isn't at its end. */
  readonly #positions: Map<string, TopicPosition> = new Map()
  /** Those of them that the log isn't being asked for: at first all, then those that it has answered. */
  #unasked: TopicPosition[] = []
  #hasFetched = false
  /** Where each partition ends; partitions that `until` doesn't name aren't read. */
  #limits: ReadonlyMap<string, number> | undefined
  /** What was fetched, and how many partitions of it were begun. */
  #fetched: readonly FetchedPartition[] = []
  #begun = 0
  #records: FetchedRecords | undefined
  /** The loan of the item that was handed out last. */
  #loan: Loan | undefined

  constructor({ broker, port }: ReadParts, plan: ReadPlan, mode: ReadMode<T>) {
    this.#broker = broker
    this.#port = port
    this.#plan = plan
    this.#mode = mode
    this.#memory = mode.isBorrowed ? new ReusedMemory() : undefined
    this.#wake = () => this.#session?.wake()
  }

  take(): T | undefined {
    this.#endLoan()
    throwIfAborted(this.#plan.signal)
    while (this.#records === undefined || this.#records.isEmpty) {
      const fetched = this.#fetched[this.#begun++]
      if (fetched === undefined) return undefined
      if (fetched.error !== undefined) throw fetched.error
      this.#records = this.#open(fetched)
    }
    if (this.#memory !== undefined) this.#loan = { isOver: false }
    return this.#mode.takeFrom(this.#records, this.#loan)
  }

  #endLoan(): void {
    if (this.#loan !== undefined) this.#loan.isOver = true
  }

  #open(fetched: FetchedPartition): FetchedRecords | undefined {
    const { topic, partition } = fetched
    const decoder = this.#plan.decoders.get(topic)
    const place = placeKey(fetched)
    const position = this.#positions.get(place)
    if (decoder === undefined || position === undefined) return undefined
    const next = { ...position, nextOffset: fetched.nextOffset }
    this.#positions.set(place, next)
    // A fetch takes from the positions in the order in which it was asked for them, until it is full.
    this.#unasked.push(next)
    const source = { topic, partition, decoder, held: undefined, loan: undefined }
    return new FetchedRecords(fetched, source, position.nextOffset, this.#limitOf(fetched))
  }

  #limitOf(at: TopicPartition): number {
    return this.#limits === undefined ? Number.POSITIVE_INFINITY : (this.#limits.get(placeKey(at)) ?? 0)
  }

  async more(): Promise<boolean> {
    if (this.#session === undefined) await abortable(this.#untilStopped(this.#started()), this.#plan.signal)
    const positions = this.#unasked.filter((each) => each.nextOffset < this.#limitOf(each))
    if (positions.length < this.#unasked.length) {
      for (const each of this.#unasked)
        if (each.nextOffset >= this.#limitOf(each)) this.#positions.delete(placeKey(each))
    }
    // A signal that aborted before could wake no fetch: the fetch hadn't begun.
    throwIfAborted(this.#plan.signal)
    const session = this.#session
    if (session === undefined || this.#isStopped) return false
    if (this.#positions.size === 0) {
      if (!this.#hasFetched) await this.#turn()
      return false
    }
    const { isolationLevel } = this.#plan
    const maxBytes = this.#mode.sizes.next()
    const changes = { isFull: !this.#hasFetched, forgotten: [] }
    const request = { positions, changes, isolationLevel, maxBytes, wait: true, memory: this.#memory }
    this.#unasked = []
    this.#hasFetched = true
    this.#fetched = await wokenBy([this.#plan.signal], this.#wake, () => session.fetch(request))
    this.#begun = 0
    return !this.#isStopped
  }

  /** Settles as `starting`, or once the program left the iteration: the holder may be stopped. */
  #untilStopped(starting: Promise<void>): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#endWaiting = resolve
    })
    return Promise.race([starting, stopped])
  }

  /** Such as positions that don't fit: what the program gives is looked at without a question to the log. */
  #started(): Promise<void> {
    return this.#start().catch((error) => refusedLater(this.#port, error))
  }

  /** Others' turn of the event loop: the log was asked nothing, and a program may read again and again. */
  #turn(): Promise<void> {
    return new Promise((resume) => this.#port.defer(resume))
  }

  async #start(): Promise<void> {
    const { decoders, from, until, isolationLevel } = this.#plan
    const session = this.#broker.openReader()
    this.#session = session
    const places = await partitionsOf(decoders, (topic) => session.topic(topic))
    const starts = await startPositions(this.#broker.admin, places, from, isolationLevel)
    for (const [index, start] of starts.entries()) {
      const position = { ...start, topicId: places[index]?.topicId }
      this.#positions.set(placeKey(start), position)
      this.#unasked.push(position)
    }
    const ends: readonly TopicPosition[] | undefined = await until
    if (Array.isArray(until)) assertRead(until, places)
    else if (ends !== undefined) assertSameTopics(ends, places)
    this.#limits = ends && new Map(ends.map((each) => [placeKey(each), each.nextOffset]))
    if (ends !== undefined && !this.#isStopped) await this.#checkStarts(session)
  }

  /**
   * A partition that starts above its limit is never fetched, so a start above the partition's end would go unnoticed:
   * this asks for the error.
   */
  async #checkStarts(session: ReaderSession): Promise<void> {
    const isBeyond = (at: Position) => this.#limits?.has(placeKey(at)) === true && at.nextOffset > this.#limitOf(at)
    const positions = [...this.#positions.values()].filter(isBeyond)
    if (positions.length === 0) return
    const { isolationLevel } = this.#plan
    const fetched = await session.fetch({ positions, isolationLevel, maxBytes: 0, wait: false })
    for (const { error } of fetched) if (error !== undefined) throw error
  }

  stop(): void {
    this.#isStopped = true
    this.#wake()
    this.#endWaiting()
  }

  async end(): Promise<void> {
    this.#endLoan()
    await this.#session?.close()
  }
}

/**
 * INVALID_REQUEST for an end in a partition that isn't read: it would never be reached, and the partitions without an
 * end wouldn't be read at all.
 */
function assertRead(until: readonly Position[], places: readonly TopicPartition[]): void {
  const partitions = new Map<string, number>()
  for (const { topic } of places) partitions.set(topic, (partitions.get(topic) ?? 0) + 1)
  for (const { topic, partition } of until) {
    const count = partitions.get(topic)
    if (count !== undefined) assertPartition(topic, partition, count)
    else throw new LogError('INVALID_REQUEST', `until names "${topic}", which isn't read`, { option: 'until', topic })
  }
}

/**
 * UNKNOWN_TOPIC_ID for an end of a topic that was deleted and created again since: it counts records of the old one.
 */
function assertSameTopics(
  ends: readonly TopicPosition[],
  places: readonly Pick<TopicPosition, 'topic' | 'topicId'>[],
): void {
  const topicIds = new Map(places.map(({ topic, topicId }) => [topic, topicId]))
  for (const { topic, topicId } of ends) {
    if (topicIds.get(topic) === topicId) continue
    const message = `topic "${topic}" was deleted and made again since: its end is another`
    throw new LogError('UNKNOWN_TOPIC_ID', message, { topic, topicId })
  }
}

export async function partitionsOf(
  decoders: ReadonlyMap<string, Decoder>,
  facts: (topic: string) => TopicFacts | Promise<TopicFacts>,
): Promise<(TopicPartition & Pick<TopicFacts, 'topicId'>)[]> {
  const places: (TopicPartition & Pick<TopicFacts, 'topicId'>)[] = []
  for (const topic of decoders.keys()) {
    const { topicId, partitions } = await facts(topic)
    for (let partition = 0; partition < partitions; partition++) places.push({ topic, topicId, partition })
  }
  return places
}
