import type { AppendResult, ProducerSession } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Acks } from '../../model/positions.ts'
import type { CheckedRecord } from './validate-record.ts'

/** Kafka's max.in.flight with idempotence: the log remembers so many batches of a producer (kafka.md 3.2). */
export const UNANSWERED_MAX = 5
const SEQUENCES = 2 ** 31

/** Records that go out together to one partition, answered together. */
export class PendingBatch {
  readonly records: CheckedRecord[] = []
  sizeBytes = 0
  baseSequence = -1
  readonly answered: Promise<AppendResult>
  resolve!: (result: AppendResult) => void
  reject!: (error: unknown) => void

  constructor() {
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

export interface QueueHooks {
  readonly acks: Acks
  readonly batchSizeBytes: number
  session(): ProducerSession
  /** A batch was answered or failed: its bytes are free again. */
  settled(batch: PendingBatch): void
  /** Sequences have a gap that only a new epoch closes (durability rule 8). */
  needsEpoch(): void
  /** Calls back a little later: the log had no memory for the batch. */
  later(callback: () => void): void
}

/**
 * The batches of one partition in their order. Sequences are given when a batch goes out and kept by every retry. After a
 * batch was refused the ones behind it are refused too, unwritten: they go out again, numbered from its place on.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly #hooks: QueueHooks
  #waiting: PendingBatch[] = []
  #unanswered: PendingBatch[] = []
  /** Refused because one before them was; they go out again once nothing is unanswered. */
  #again: PendingBatch[] = []
  #isRewound = false
  #nextSequence = 0

  constructor(topic: string, partition: number, hooks: QueueHooks) {
    this.topic = topic
    this.partition = partition
    this.#hooks = hooks
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unanswered.length === 0 && this.#again.length === 0
  }

  get hasUnanswered(): boolean {
    return this.#unanswered.length > 0
  }

  /** Bytes in batches that didn't go out yet. */
  get isFull(): boolean {
    return (this.#waiting[0]?.sizeBytes ?? 0) >= this.#hooks.batchSizeBytes || this.#waiting.length > 1
  }

  /** All of `records` into one batch: the last one that still waits, if they fit, else a new one. */
  add(records: readonly CheckedRecord[], sizeBytes: number): { batch: PendingBatch; firstIndex: number } {
    let batch = this.#waiting.at(-1)
    if (batch === undefined || batch.sizeBytes + sizeBytes > this.#hooks.batchSizeBytes) {
      batch = new PendingBatch()
      this.#waiting.push(batch)
    }
    const firstIndex = batch.records.length
    for (const record of records) batch.records.push(record)
    batch.sizeBytes += sizeBytes
    return { batch, firstIndex }
  }

  /** Sends what may go out now. */
  drain(): void {
    if (this.#isRewound && this.#unanswered.length > 0) return
    if (this.#isRewound) {
      this.#isRewound = false
      this.#waiting.unshift(...this.#again)
      this.#again = []
    }
    while (this.#waiting.length > 0 && this.#unanswered.length < UNANSWERED_MAX) {
      const batch = this.#waiting.shift()
      if (batch !== undefined) this.#send(batch)
    }
  }

  #send(batch: PendingBatch): void {
    batch.baseSequence = this.#nextSequence
    this.#nextSequence = (this.#nextSequence + batch.records.length) % SEQUENCES
    this.#unanswered.push(batch)
    this.#ask(batch)
  }

  #ask(batch: PendingBatch): void {
    const { topic, partition } = this
    const { records, baseSequence } = batch
    const session = this.#hooks.session()
    const { producerEpoch } = session
    session.append({ topic, partition, acks: this.#hooks.acks, producerEpoch, baseSequence, records }).then(
      (result) => this.#answered(batch, result),
      (error) => this.#failed(batch, error),
    )
  }

  #answered(batch: PendingBatch, result: AppendResult): void {
    this.#remove(batch)
    batch.resolve(result)
    this.#hooks.settled(batch)
    this.drain()
  }

  #remove(batch: PendingBatch): void {
    const at = this.#unanswered.indexOf(batch)
    if (at >= 0) this.#unanswered.splice(at, 1)
  }

  #failed(batch: PendingBatch, error: unknown): void {
    if (LogError.is(error, 'DUPLICATE_SEQUENCE_NUMBER')) {
      this.#answered(batch, { baseOffset: -1, appendTime: -1 })
      return
    }
    this.#remove(batch)
    if (LogError.is(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')) this.#sendAgain(batch)
    else if (LogError.is(error, 'MEMORY_CAP_REACHED')) this.#retry(batch)
    else this.#refused(batch, error)
    this.drain()
  }

  /** Behind a refused batch: unwritten, and next in line. Without one before it the log has lost batches: a new epoch. */
  #sendAgain(batch: PendingBatch): void {
    this.#again.push(batch)
    this.#again.sort((a, b) => a.baseSequence - b.baseSequence)
    if (this.#isRewound) return
    this.#isRewound = true
    this.#hooks.needsEpoch()
  }

  #retry(batch: PendingBatch): void {
    this.#rewind(batch.baseSequence)
    this.#again.unshift(batch)
    this.#unanswered.push(batch)
    this.#hooks.later(() => {
      this.#remove(batch)
      this.drain()
    })
  }

  #refused(batch: PendingBatch, error: unknown): void {
    this.#rewind(batch.baseSequence)
    batch.reject(error)
    this.#hooks.settled(batch)
  }

  #rewind(sequence: number): void {
    this.#nextSequence = this.#isRewound ? Math.min(this.#nextSequence, sequence) : sequence
    this.#isRewound = true
  }

  /** A new epoch began: sequences start again. */
  restart(): void {
    this.#nextSequence = 0
    this.#isRewound = true
    this.drain()
  }

  /** The producer ended: nothing of this goes out any more. */
  abandon(error: unknown): void {
    for (const batch of [...this.#waiting, ...this.#again]) {
      batch.reject(error)
      this.#hooks.settled(batch)
    }
    this.#waiting = []
    this.#again = []
  }
}
