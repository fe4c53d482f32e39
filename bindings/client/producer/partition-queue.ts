import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { CompressionType } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { Acks } from '../../model/positions.ts'
import type { EncodedRecord } from '../../model/records.ts'
import { packRecords } from './pack-records.ts'
import { PendingBatch } from './pending-batch.ts'
import { isOfRecords, isUnwritten, isWorthAsking, waitBeforeAskMs } from './refusals.ts'
import type { SendPart } from './send-part.ts'
import { surelyFits } from './size-bounds.ts'

/** Kafka's max.in.flight with idempotence: the log remembers so many batches of a producer (kafka.md 3.2). */
export const UNANSWERED_MAX = 5
/** Behind 2147483647 comes 0 (kafka.md 3.4). */
const SEQUENCES = 2 ** 31
/**
 * After this time without a send a partition may have forgotten the producer (ProducerExpiry: after a day, or an hour
 * after an open).
 */
const KNOWN_MS = 1_800_000

export interface QueueHooks {
  readonly acks: Acks
  readonly batchSizeBytes: number
  session(): ProducerSession
  /** The batch's records in the form in which they are sent. */
  outgoing(batch: PendingBatch): AppendRequest['records']
  /** A new epoch is due, so nothing gets a sequence of the old one any more. */
  isHalted(): boolean
  /** The queue is in use, and so is its topic. */
  used(queue: PartitionQueue): void
  /** Something waits in the queue to be drained. */
  filled(queue: PartitionQueue): void
  /** Only a new epoch makes the sequences of this partition usable again. */
  needsEpoch(): void
  /** Something was answered while a new epoch is due. */
  quieter(): void
  /** The producer is finished. */
  fenced(error: unknown): void
  /** The queue that records of this partition go to now. */
  queue(topic: string, partition: number): PartitionQueue
  random(): number
  elapsed(): number
  setTimer(delayMs: number, callback: () => void): void
}

/**
 * The batches of one partition in their order. A batch gets its sequence when it goes out and keeps it as long as it
 * may have been written. A refused batch leaves a gap. If none of those behind it was written, they are numbered again
 * from the gap on. If one was, which happens because the log takes any first sequence of a producer that it doesn't
 * know, their new sequences would stand for other records, and the log would drop these as duplicates: then only a new
 * epoch helps.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly #hooks: QueueHooks
  /** Batches without a sequence. */
  #waiting: PendingBatch[] = []
  /** Batches with a sequence, in its order. */
  #unanswered: PendingBatch[] = []
  #nextSequence = 0
  /** Batches that got a sequence. */
  #numbered = 0
  /** Sequence of the first refused batch that left a gap before unanswered ones; -1 without a gap. */
  #gapAt = -1
  #needsEpoch = false
  /**
   * The partition knows this producer. Before that it would take a second batch for the first, and then call the first
   * one a duplicate when it is asked for again: so the first batch goes alone.
   */
  #isKnown = false
  #knownAt = 0
  #isRetired = false

  constructor(topic: string, partition: number, hooks: QueueHooks) {
    this.topic = topic
    this.partition = partition
    this.#hooks = hooks
  }

  /** It is known of every batch whether it is written. */
  get isQuiet(): boolean {
    return this.#unanswered.every((batch) => batch.state === 'held')
  }

  /** Nothing is under way, and the queue knows nothing but its next sequence. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unanswered.length === 0 && this.#gapAt < 0 && !this.#needsEpoch
  }

  /** Its topic is gone, and it gets nothing any more. Whoever chose it before asks for `inUse`. */
  retire(): void {
    this.#isRetired = true
  }

  /** Another topic has the name: its partition has never heard of this producer. */
  topicMadeAgain(): void {
    this.#isKnown = false
  }

  get inUse(): PartitionQueue {
    return this.#isRetired ? this.#hooks.queue(this.topic, this.partition) : this
  }

  get isFull(): boolean {
    return (this.#waiting[0]?.sizeBytes ?? 0) >= this.#hooks.batchSizeBytes || this.#waiting.length > 1
  }

  /** Adds a part to the last batch that still waits, if it fits and is compressed alike; else to a new one. */
  add(part: SendPart, maxBytes: number, compression: CompressionType | undefined): void {
    const last = this.#waiting.at(-1)
    const total = (last?.sizeBytes ?? 0) + part.sizeBytes
    const fits = total <= this.#hooks.batchSizeBytes && surelyFits(total, maxBytes)
    if (last !== undefined && fits && last.compression === compression) last.join(part)
    else {
      this.#waiting.push(new PendingBatch(part, compression))
      this.#hooks.used(this)
      this.#hooks.filled(this)
    }
  }

  /**
   * Has the log encode records that are a batch by themselves, as long as their program holds them: nobody copies
   * them, but into one piece for a log in another process. `part` makes their part of the send. False, and nothing has
   * happened, where anything must wait or is refused.
   */
  appendBorrowed(records: readonly EncodedRecord[], mostBytes: number, part: () => SendPart): boolean {
    if (!this.isOpen) return false
    const { topic, partition } = this
    const { acks } = this.#hooks
    const session = this.#hooks.session()
    if (session.appendBorrowed === undefined) return this.#appendPacked(records, part)
    const { producerEpoch } = session
    const baseSequence = this.#nextSequence
    const answer = session.appendBorrowed({ topic, partition, acks, producerEpoch, baseSequence, records, mostBytes })
    if (answer === undefined) return false
    this.#hooks.used(this)
    const batch = new PendingBatch(part(), undefined, 'handed over')
    this.#number(batch, producerEpoch, records.length)
    this.#await(batch, answer)
    return true
  }

  /** A record's getter can do anything, change the list or send to this partition too: then they are looked at anew. */
  #appendPacked(records: readonly EncodedRecord[], part: () => SendPart): boolean {
    const count = records.length
    const packed = packRecords(records)
    if (packed === undefined || !this.isOpen || records.length !== count) return false
    this.#hooks.used(this)
    const batch = new PendingBatch(part(), undefined, packed)
    this.#number(batch, this.#hooks.session().producerEpoch, count)
    this.#ask(batch)
    return true
  }

  /** A batch may be sent at once, before anything else of the partition. */
  get isOpen(): boolean {
    const isWhole = this.#waiting.length === 0 && this.#gapAt < 0 && !this.#needsEpoch
    return isWhole && this.#isKnownNow && this.#mayFollow(UNANSWERED_MAX) && !this.#hooks.isHalted()
  }

  /**
   * One more batch stays within what the log remembers of the oldest that is unanswered. Later ones may have been
   * answered already: where the answer to that one got lost, it is asked for again behind them.
   */
  #mayFollow(unansweredMax: number): boolean {
    const [oldest] = this.#unanswered
    return oldest === undefined || this.#numbered - oldest.ordinal < unansweredMax
  }

  #number(batch: PendingBatch, producerEpoch: number, recordCount: number): void {
    batch.producerEpoch = producerEpoch
    batch.baseSequence = this.#nextSequence
    this.#nextSequence = (this.#nextSequence + recordCount) % SEQUENCES
    batch.ordinal = this.#numbered++
    this.#unanswered.push(batch)
  }

  get #isKnownNow(): boolean {
    if (this.#unanswered.length === 0 && this.#hooks.elapsed() - this.#knownAt > KNOWN_MS) this.#isKnown = false
    return this.#isKnown
  }

  /** Sends what may be sent now. */
  drain(): void {
    if (this.#waiting.length === 0 || this.#hooks.isHalted() || this.#gapAt >= 0) return
    if (this.#needsEpoch) return this.#hooks.needsEpoch()
    const unansweredMax = this.#isKnownNow ? UNANSWERED_MAX : 1
    let count = 0
    for (const batch of this.#waiting) {
      if (!this.#mayFollow(unansweredMax)) break
      this.#number(batch, this.#hooks.session().producerEpoch, batch.recordCount)
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
    return this.#hooks.session().append({ topic, partition, acks, producerEpoch, baseSequence, records })
  }

  #written(batch: PendingBatch, result: AppendResult): void {
    if (this.#gapAt >= 0 && this.#isBehindGap(batch)) this.#needsEpoch = true
    this.#remove(batch)
    this.#isKnown = true
    this.#knownAt = this.#hooks.elapsed()
    const { stampedAt } = batch
    batch.written(stampedAt === undefined || result.isLogAppendTime ? result : { ...result, appendTime: stampedAt })
    this.#afterAnswer()
  }

  #failed(batch: PendingBatch, error: unknown): void {
    if (LogError.is(error, 'DUPLICATE_SEQUENCE_NUMBER')) {
      return this.#written(batch, { baseOffset: -1, appendTime: -1 })
    }
    const mayAsk = !batch.isHandedOver && isWorthAsking(error)
    const waitMs = mayAsk ? waitBeforeAskMs(++batch.asksAgain, this.#hooks.random) : undefined
    if (waitMs !== undefined) this.#askLater(batch, waitMs)
    else if (batch.isHandedOver || !LogError.is(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER') || !this.#hold(batch))
      this.#refused(batch, error)
    this.#afterAnswer()
  }

  /** Something before the batch is missing: it is unanswered, or was refused, or a crash of the log lost it. */
  #hold(batch: PendingBatch): boolean {
    if (this.#gapAt < 0 && this.#unanswered[0] === batch) {
      if (batch.hadNewEpoch) return false
      batch.hadNewEpoch = true
      this.#needsEpoch = true
    }
    batch.state = 'held'
    return true
  }

  #askLater(batch: PendingBatch, waitMs: number): void {
    batch.state = 'again'
    this.#hooks.setTimer(waitMs, () => this.#ask(batch))
  }

  #refused(batch: PendingBatch, error: unknown): void {
    if (batch.parts.length > 1 && isOfRecords(error)) return this.#splitUp(batch)
    const at = this.#unanswered.indexOf(batch)
    this.#remove(batch)
    // A topic that is created later under the same name knows no producer.
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) this.#isKnown = false
    if (!isUnwritten(error)) this.#needsEpoch = true
    else if (at < this.#unanswered.length) this.#openGap(batch)
    else if (this.#gapAt < 0) this.#nextSequence = batch.baseSequence
    batch.failed(error)
    if (LogError.is(error) && error.category === 'fenced') this.#hooks.fenced(error)
  }

  /** One send's wrong record is no fault of the batch's other sends: each is sent once more, by itself. */
  #splitUp(batch: PendingBatch): void {
    this.#openGap(batch)
    this.#unanswered.splice(this.#unanswered.indexOf(batch), 1, ...batch.split())
  }

  #openGap(batch: PendingBatch): void {
    if (this.#gapAt < 0 || !this.#isBehindGap(batch)) this.#gapAt = batch.baseSequence
  }

  /** The sequences of five batches never span half of the circle, so the difference tells which one comes first. */
  #isBehindGap({ baseSequence }: PendingBatch): boolean {
    return (baseSequence - this.#gapAt + SEQUENCES) % SEQUENCES < SEQUENCES / 2
  }

  #remove(batch: PendingBatch): void {
    if (this.#unanswered[0] === batch) this.#unanswered.shift()
    else this.#unanswered.splice(this.#unanswered.indexOf(batch), 1)
  }

  /** Closes the gap, asks again, sends what waits. */
  #afterAnswer(): void {
    if (this.#gapAt >= 0 && this.isQuiet) this.#closeGap()
    else if (this.#gapAt < 0 && !this.#needsEpoch) this.#askHeld()
    if (this.#needsEpoch && this.#gapAt < 0 && this.#unanswered.length > 0) this.#hooks.needsEpoch()
    if (this.#hooks.isHalted()) this.#hooks.quieter()
    else this.drain()
  }

  #closeGap(): void {
    this.#nextSequence = this.#gapAt
    this.#gapAt = -1
    if (!this.#needsEpoch) this.#requeueUnanswered()
  }

  #requeueUnanswered(): void {
    this.#waiting.unshift(...this.#unanswered)
    this.#unanswered = []
  }

  /** Sends batches that were held, once those before them are with the log. */
  #askHeld(): void {
    for (const batch of this.#unanswered) {
      if (batch.state === 'again') return
      if (batch.state === 'held') this.#ask(batch)
    }
  }

  /** A new epoch has begun, perhaps under another producer id, and nothing is open: sequences start again. */
  restart(): void {
    this.#requeueUnanswered()
    this.#isKnown = false
    this.#nextSequence = 0
    this.#gapAt = -1
    this.#needsEpoch = false
  }

  /** There will be no new epoch: batches that are certainly unwritten aren't sent any more. */
  abandon(error: unknown): void {
    const batches = [...this.#unanswered.filter((batch) => batch.state === 'held'), ...this.#waiting]
    this.#unanswered = this.#unanswered.filter((batch) => batch.state !== 'held')
    this.#waiting = []
    this.#needsEpoch = true
    for (const batch of batches) batch.failed(error)
  }
}
