import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { FetchedRecords } from './fetched-records.ts'

/** One partition of a consumer: where it reads, what it delivered, what of that is finished. */
export class AssignedPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  isPaused = false
  #buffer: FetchedRecords | undefined
  /** The next offset to deliver. */
  #position: number
  /** Everything delivered below it is finished. */
  #finished: number
  #lastDelivered = -1

  constructor({ topic, partition, nextOffset }: Position) {
    this.topic = topic
    this.partition = partition
    this.#position = nextOffset
    this.#finished = nextOffset
  }

  get position(): number {
    return this.#position
  }

  get buffer(): FetchedRecords | undefined {
    return this.#buffer === undefined || this.#buffer.isEmpty ? undefined : this.#buffer
  }

  /** Where the fetched part ends, past what readers never see. */
  get endOffset(): number {
    return this.#buffer?.endOffset ?? this.#position
  }

  fill(buffer: FetchedRecords): void {
    this.#buffer = buffer
    // Control batches and gaps have nothing to deliver; the position passes them.
    if (buffer.isEmpty) this.#moveTo(buffer.endOffset)
  }

  #moveTo(offset: number): void {
    if (this.#finished === this.#position) this.#finished = offset
    this.#position = offset
  }

  /** Records up to `lastOffset` were handed out; reading goes on at `nextOffset`, past what readers never see. */
  delivered(lastOffset: number, nextOffset: number): void {
    this.#lastDelivered = lastOffset
    this.#position = nextOffset
  }

  /** All that was delivered below `nextOffset` is done with. */
  finish(nextOffset: number): void {
    this.#finished = nextOffset > this.#lastDelivered ? this.#position : Math.max(this.#finished, nextOffset)
  }

  /** Undelivered records are given back: the next fetch brings them again. */
  giveBack(): void {
    this.#buffer = undefined
  }

  seek(nextOffset: number): void {
    this.#buffer = undefined
    this.#position = nextOffset
    this.#finished = nextOffset
  }

  /** UNFINISHED_RECORDS when a commit of `nextOffset` would pass records that were delivered and not finished. */
  assertFinished(nextOffset: number): void {
    if (nextOffset <= this.#finished || this.#finished === this.#position) return
    const { topic, partition } = this
    const message = `offset ${this.#finished} of ${topic}-${partition} was delivered and isn't finished`
    throw new LogError('UNFINISHED_RECORDS', message, {
      topic,
      partition,
      unfinishedOffset: this.#finished,
      nextOffset,
    })
  }
}
