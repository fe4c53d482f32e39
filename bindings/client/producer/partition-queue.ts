import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { CompressionType } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { Acks } from '../../model/positions.ts'
import type { EncodedRecord } from '../../model/records.ts'
import { cutAgain } from './cut-again.ts'
import { packRecords } from './pack-records.ts'
import { PendingBatch } from './pending-batch.ts'
import { inItsPlace, isOfRecords, isUnwritten, isWorthAsking, waitBeforeAskMs } from './refusals.ts'
import type { SendPart } from './send-part.ts'
import { surelyFits } from './size-bounds.ts'
import { UnansweredBatches } from './unanswered-batches.ts'

/**
 * The most unanswered batches: Kafka's bound of max.in.flight.requests.per.connection with idempotence, since the log
 * remembers that many batches of a producer (kafka.md 3.2).
 */
export const UNANSWERED_MAX = 5
/**
 * After this time without a send a partition may have forgotten the producer (ProducerExpiry: after a day, or an hour
 * after an open).
 */
const KNOWN_MS = 1_800_000

export interface QueueHooks {
  readonly acks: Acks
  readonly batchSizeBytes: number
  session(): ProducerSession
  /** Returns the batch's records in the form in which they are sent. */
  outgoing(batch: PendingBatch): AppendRequest['records']
  /** Whether a new epoch is due, so that no batch gets a sequence of the old one any more. */
  isHalted(): boolean
  /** Tells that the queue is in use, and so is its topic. */
  used(queue: PartitionQueue): void
  /** Tells that something waits in the queue to be drained. */
  filled(queue: PartitionQueue): void
  /** Tells that only a new epoch makes the sequences of this partition usable again. */
  needsEpoch(): void
  /** Tells that something was answered while a new epoch is due. */
  quieter(): void
  /** Tells that the producer was fenced: it is finished. */
  fenced(error: unknown): void
  /** Returns the id of the topic as it is known here. */
  topicId(topic: string): string | undefined
  /** Tells that another topic has the name than was known here. */
  topicMoved(topic: string): void
  /** Returns the queue that records of this partition go to now. */
  queue(topic: string, partition: number): PartitionQueue
  random(): number
  elapsed(): number
  setTimer(delayMs: number, callback: () => void): void
}

/**
 * The batches of one partition in their order. A batch gets its sequence when it goes out and keeps it as long as it
 * may have been written. A refused batch leaves a gap. If none of the batches after it was written, they are numbered
 * again from the gap on. One may have been written, because the log takes any first sequence of a producer that it
 * doesn't know: then a new number could be one that the log already has for other records, and it would drop the batch
 * as a duplicate. In that case only a new epoch helps.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly #hooks: QueueHooks
  /** Batches without a sequence. */
  #waiting: PendingBatch[] = []
  readonly #unanswered: UnansweredBatches = new UnansweredBatches()
  #needsEpoch = false
  /**
   * Whether the partition knows this producer. A partition that doesn't would take a second batch for the first, and
   * then call the first one a duplicate when it is sent again: so the first batch goes alone.
   */
  #isKnown = false
  #knownAt = 0
  #isRetired = false

  constructor(topic: string, partition: number, hooks: QueueHooks) {
    this.topic = topic
    this.partition = partition
    this.#hooks = hooks
  }

  /** Whether it is known of every batch whether it was written. */
  get isQuiet(): boolean {
    return this.#unanswered.isQuiet
  }

  /** Whether nothing is under way and the queue knows nothing but its next sequence. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unanswered.isEmpty && !this.#unanswered.hasGap && !this.#needsEpoch
  }

  /** Ends the queue: its topic is gone, and it gets nothing any more. Callers that chose it before ask for `inUse`. */
  retire(): void {
    this.#isRetired = true
  }

  /** Notes that another topic has the name now: its partition has never heard of this producer. */
  topicMadeAgain(): void {
    this.#isKnown = false
  }

  get inUse(): PartitionQueue {
    return this.#isRetired ? this.#hooks.queue(this.topic, this.partition) : this
  }

  get isFull(): boolean {
    return (this.#waiting[0]?.sizeBytes ?? 0) >= this.#hooks.batchSizeBytes || this.#waiting.length > 1
  }

  /**
   * Adds a part to the last batch that still waits, if it fits and has the same compression; else to a new batch. A
   * packed one takes no more: it goes out as it was packed, also when it waits for its turn once more.
   */
  add(part: SendPart, maxBytes: number, compression: CompressionType | undefined): void {
    const last = this.#waiting.at(-1)
    const total = (last?.sizeBytes ?? 0) + part.sizeBytes
    const fits = last?.packed === undefined && total <= this.#hooks.batchSizeBytes && surelyFits(total, maxBytes)
    if (last !== undefined && fits && last.compression === compression) last.join(part)
    else {
      this.#waiting.push(new PendingBatch(part, compression))
      this.#hooks.used(this)
      this.#hooks.filled(this)
    }
  }

  /**
   * Lets the log encode records that make a batch of their own straight from the program's objects. For a log in
   * another process they are copied first, into one piece. `part` makes their part of the send. Returns false, with
   * nothing done, if anything must wait or is refused.
   */
  appendBorrowed(records: readonly EncodedRecord[], mostBytes: number, part: () => SendPart): boolean {
    if (!this.isOpen) return false
    const { topic, partition } = this
    const { acks } = this.#hooks
    const session = this.#hooks.session()
    if (session.appendBorrowed === undefined) return this.#appendPacked(records, part)
    const { producerEpoch } = session
    const baseSequence = this.#unanswered.nextSequence
    const answer = session.appendBorrowed({ topic, partition, acks, producerEpoch, baseSequence, records, mostBytes })
    if (answer === undefined) return false
    this.#hooks.used(this)
    const batch = new PendingBatch(part(), undefined, 'handed over')
    this.#unanswered.number(batch, producerEpoch, records.length)
    this.#await(batch, answer)
    return true
  }

  /**
   * Sends the records as one piece. A record's getter can do anything, change the list or send to this partition too,
   * so both are looked at once more after packing.
   */
  #appendPacked(records: readonly EncodedRecord[], part: () => SendPart): boolean {
    const count = records.length
    const packed = packRecords(records)
    if (packed === undefined || !this.isOpen || records.length !== count) return false
    this.#hooks.used(this)
    const batch = new PendingBatch(part(), undefined, packed)
    this.#unanswered.number(batch, this.#hooks.session().producerEpoch, count)
    this.#ask(batch)
    return true
  }

  /** Whether a batch may be sent at once, because nothing else of the partition must go before it. */
  get isOpen(): boolean {
    const isWhole = this.#waiting.length === 0 && !this.#unanswered.hasGap && !this.#needsEpoch
    return (
      isWhole &&
      !this.#unanswered.isUnsure &&
      this.#isKnownNow &&
      this.#unanswered.mayFollow(UNANSWERED_MAX) &&
      !this.#hooks.isHalted()
    )
  }

  get #isKnownNow(): boolean {
    if (this.#hooks.elapsed() - this.#knownAt > KNOWN_MS) this.#isKnown = false
    return this.#isKnown
  }

  /**
   * Sends the batches that may be sent now: none while one before them is to be asked for again, as the log would
   * refuse them.
   */
  drain(): void {
    if (this.#waiting.length === 0 || this.#hooks.isHalted()) return
    if (this.#unanswered.hasGap || this.#unanswered.isUnsure) return
    if (this.#needsEpoch) return this.#hooks.needsEpoch()
    const unansweredMax = this.#isKnownNow ? UNANSWERED_MAX : 1
    let count = 0
    for (const batch of this.#waiting) {
      if (!this.#unanswered.mayFollow(unansweredMax)) break
      this.#unanswered.number(batch, this.#hooks.session().producerEpoch, batch.recordCount)
      this.#ask(batch)
      count++
    }
    if (count === this.#waiting.length) this.#waiting = []
    else if (count > 0) this.#waiting.splice(0, count)
  }

  #ask(batch: PendingBatch): void {
    batch.state = 'asked'
    this.#await(batch, this.#append(batch))
  }

  #await(batch: PendingBatch, answer: Promise<AppendResult>): void {
    answer.then(
      (result) => this.#written(batch, result),
      (error) => this.#failed(batch, error),
    )
  }

  #append(batch: PendingBatch): Promise<AppendResult> {
    const { topic, partition } = this
    const { baseSequence, producerEpoch } = batch
    let records: AppendRequest['records'] = batch.packed ?? batch.records
    try {
      if (batch.compression !== undefined) records = this.#hooks.outgoing(batch)
    } catch (error) {
      return Promise.reject(error)
    }
    const { acks } = this.#hooks
    const topicId = this.#hooks.topicId(topic)
    return this.#hooks.session().append({ topic, topicId, partition, acks, producerEpoch, baseSequence, records })
  }

  #written(batch: PendingBatch, result: AppendResult): void {
    if (this.#unanswered.isAfterGap(batch)) this.#needsEpoch = true
    this.#unanswered.remove(batch)
    this.#isKnown = true
    this.#knownAt = this.#hooks.elapsed()
    const { stampedAt } = batch
    batch.written(stampedAt === undefined || result.isLogAppendTime ? result : { ...result, appendTime: stampedAt })
    this.#afterAnswer()
  }

  /**
   * A batch that names a topic which is gone, while another one has the name, isn't written there: those that are under
   * way with it could come before it. They are asked for again in their order, of the topic that has the name by then.
   */
  #failed(batch: PendingBatch, error: unknown): void {
    if (LogError.is(error, 'UNKNOWN_TOPIC_ID')) this.#hooks.topicMoved(this.topic)
    const mayAsk = !batch.isHandedOver && isWorthAsking(error)
    if (mayAsk) this.#unanswered.countAsk(batch)
    const waitMs = mayAsk ? waitBeforeAskMs(batch.asksAgain, this.#hooks.random) : undefined
    if (waitMs !== undefined) this.#askLater(batch, waitMs)
    else if (batch.isHandedOver || !LogError.is(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER') || !this.#hold(batch))
      this.#refused(batch, error)
    this.#afterAnswer()
  }

  /**
   * Holds a batch that was refused as out of order: something before it is missing, because that is unanswered, was
   * refused, or was lost in a crash of the log. Returns false if nothing before it is missing and a new epoch was tried
   * for it already.
   */
  #hold(batch: PendingBatch): boolean {
    if (!this.#unanswered.hasGap && this.#unanswered.oldest === batch) {
      if (batch.hadNewEpoch) return false
      batch.hadNewEpoch = true
      this.#needsEpoch = true
    }
    batch.state = 'held'
    return true
  }

  #askLater(batch: PendingBatch, waitMs: number): void {
    batch.state = 'again'
    this.#hooks.setTimer(waitMs, () => {
      batch.state = 'due'
      this.#askDue()
    })
  }

  /** Asks again for the first batch that isn't held, if its wait is over: those after it keep their order. */
  #askDue(): void {
    const first = this.#unanswered.all.find(({ state }) => state !== 'held')
    if (first?.state === 'due') this.#ask(first)
  }

  #refused(batch: PendingBatch, error: unknown): void {
    // One send's wrong record is no fault of the batch's other sends: each send goes out once more, by itself.
    if (batch.parts.length > 1 && isOfRecords(error)) return this.#unanswered.replace(batch, batch.split())
    const cut = cutAgain(batch, error)
    if (cut.length > 0) return this.#unanswered.replace(batch, cut)
    if (isUnwritten(error)) this.#unanswered.removeUnwritten(batch)
    else {
      this.#unanswered.remove(batch)
      this.#needsEpoch = true
    }
    // A topic that is created later under the same name doesn't know the producer.
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) this.#isKnown = false
    batch.failed(inItsPlace(error, this))
    if (LogError.is(error) && error.category === 'fenced') this.#hooks.fenced(error)
  }

  /** Closes the gap, sends held batches again, and then what waits. */
  #afterAnswer(): void {
    this.#askDue()
    if (this.#unanswered.hasGap && this.isQuiet) {
      this.#unanswered.closeGap()
      this.#requeueUnanswered()
    } else if (!this.#unanswered.hasGap && !this.#needsEpoch) this.#askHeld()
    if (this.#needsEpoch && !this.#unanswered.hasGap && !this.#unanswered.isEmpty) this.#hooks.needsEpoch()
    if (this.#hooks.isHalted()) this.#hooks.quieter()
    else this.drain()
  }

  #requeueUnanswered(): void {
    this.#waiting.unshift(...this.#unanswered.takeAll())
  }

  /** Sends batches that were held, once the log has those before them. */
  #askHeld(): void {
    for (const batch of this.#unanswered.all) {
      if (batch.state === 'again' || batch.state === 'due') return
      if (batch.state === 'held') this.#ask(batch)
    }
  }

  /**
   * Begins again under a new epoch, perhaps under another producer id too. No batch's fate is open, so sequences start
   * from 0.
   */
  restart(): void {
    this.#requeueUnanswered()
    this.#unanswered.beginSequencesAnew()
    this.#isKnown = false
    this.#needsEpoch = false
  }

  /** Fails the batches that are certainly unwritten, because there will be no new epoch. */
  abandon(error: unknown): void {
    const batches = [...this.#unanswered.takeHeld(), ...this.#waiting]
    this.#waiting = []
    this.#needsEpoch = true
    for (const batch of batches) batch.failed(error)
  }
}
