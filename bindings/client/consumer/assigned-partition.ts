import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { FetchedRecords } from './fetched-records.ts'
import { FinishedOffsets } from './finished-offsets.ts'

/** One partition of a consumer: where it reads, what it delivered, what of that is finished. */
export class AssignedPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly topicId: string | undefined
  /** The generation that gave it to this member. */
  readonly sinceGeneration: number
  isPaused = false
  #buffer: FetchedRecords | undefined
  /** The next offset to deliver. */
  #position: number
  /** Where reading begins again after an abort: what was delivered from there on isn't committed. */
  #restart: number
  /** How far it had delivered before an abort took it back; -1 without one. */
  #rewoundFrom = -1
  #finished: FinishedOffsets = new FinishedOffsets()

  constructor({ topic, partition, topicId, nextOffset }: TopicPosition, sinceGeneration: number) {
    this.sinceGeneration = sinceGeneration
    this.topicId = topicId
    this.topic = topic
    this.partition = partition
    this.#position = nextOffset
    this.#restart = nextOffset
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
    if (buffer.isEmpty) this.#position = buffer.endOffset
  }

  /** Records from `baseOffset` to `lastOffset` are handed out; reading goes on at `nextOffset`, past what readers never see. */
  delivered(baseOffset: number, lastOffset: number, nextOffset: number): void {
    this.#finished.delivered(baseOffset, lastOffset + 1)
    this.#position = nextOffset
  }

  /** What was handed out last is done with. */
  askedNext(): void {
    this.#finished.askedNext()
  }

  /** The iteration ended: undelivered records are given back, the next fetch brings them again. */
  iterationEnded(): void {
    this.#finished.ended()
    this.#buffer = undefined
  }

  /** All that was delivered below `nextOffset` is done with. */
  finish(nextOffset: number): void {
    this.#finished.committed(nextOffset)
  }

  pause(): void {
    this.isPaused = true
    this.#buffer = undefined
  }

  /** The group goes on there. What an abort brings again, and another run of the same work commits after all, isn't delivered again. */
  committed(nextOffset: number): void {
    this.#restart = nextOffset
    if (this.#position < nextOffset && nextOffset <= this.#rewoundFrom) this.#moveTo(nextOffset)
  }

  /** The transaction was aborted that would have committed it: what was delivered comes again. */
  rewind(): void {
    const from = Math.max(this.#position, this.#rewoundFrom)
    this.seek(this.#restart)
    this.#rewoundFrom = from
  }

  seek(nextOffset: number): void {
    this.#moveTo(nextOffset)
    this.#restart = nextOffset
    this.#rewoundFrom = -1
    this.#finished = new FinishedOffsets()
  }

  #moveTo(nextOffset: number): void {
    this.#buffer = undefined
    this.#position = nextOffset
  }

  /** UNFINISHED_RECORDS when a commit of `nextOffset` would pass records that were delivered and not finished. */
  assertFinished(nextOffset: number): void {
    const { unfinishedOffset } = this.#finished
    if (unfinishedOffset === undefined || nextOffset <= unfinishedOffset) return
    const { topic, partition } = this
    const message = `offset ${unfinishedOffset} of ${topic}-${partition} was delivered and isn't finished`
    throw new LogError('UNFINISHED_RECORDS', message, { topic, partition, unfinishedOffset, nextOffset })
  }
}
