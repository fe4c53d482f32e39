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
  /** The member holds it no more. */
  isGivenUp = false
  #isPaused = false
  #buffer: FetchedRecords | undefined
  /** The next offset to deliver. */
  #position: number
  /** Where reading goes on after an abort: records that were delivered from here on aren't committed. */
  #restart: number
  /** How far it had delivered before an abort took it back; -1 if none did. */
  #rewoundFrom = -1
  /** How often it was moved by a `seek`, or because its position was out of range. */
  #moves = 0
  /** How many offsets were passed to `commit`, and which of these is the latest that the group has committed. */
  #finishes = 0
  #committedFinish = 0
  /** The newest call of `seek` that moved it. */
  #seekCall = 0
  #finished: FinishedOffsets = new FinishedOffsets()

  /** Where the log was asked last to read it; `undefined` where it isn't asked. */
  #askedFrom: number | undefined
  readonly #unasked: AssignedPartition[]
  #isUnasked = false

  /** `unasked`: see `Assignment`. */
  constructor({ topic, partition, topicId, nextOffset }: TopicPosition, unasked: AssignedPartition[]) {
    this.topicId = topicId
    this.topic = topic
    this.partition = partition
    this.#position = nextOffset
    this.#restart = nextOffset
    this.#unasked = unasked
    this.#changed()
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#changed()
  }

  get position(): number {
    return this.#position
  }

  get askedFrom(): number | undefined {
    return this.#askedFrom
  }

  /** What a fetch asks for. The log keeps it from one fetch to the next. */
  ask(): TopicPosition {
    const { topic, partition, topicId, position: nextOffset } = this
    this.#isUnasked = false
    this.#askedFrom = nextOffset
    return { topic, partition, topicId, nextOffset }
  }

  /**
   * The log isn't asked for it until something changes. Returns whether it may have been asked since the last time: one
   * that was given up must not end what another one of its place asks for.
   */
  unwanted(): boolean {
    this.#isUnasked = false
    const wasAsked = this.#askedFrom !== undefined
    this.#askedFrom = undefined
    return wasAsked
  }

  /** The log has answered, or knows nothing of it: it is asked for it again. */
  answered(): void {
    this.#changed()
  }

  #changed(): void {
    if (this.#isUnasked) return
    this.#isUnasked = true
    this.#unasked.push(this)
  }

  get buffer(): FetchedRecords | undefined {
    return this.#buffer === undefined || this.#buffer.isEmpty ? undefined : this.#buffer
  }

  /** Where the fetched records end, offsets that readers never see (markers, gaps) included. */
  get endOffset(): number {
    return this.#buffer?.endOffset ?? this.#position
  }

  fill(buffer: FetchedRecords): void {
    this.#buffer = buffer
    // Control batches and gaps hold nothing to deliver, so the position moves past them.
    if (buffer.isEmpty) this.#position = buffer.endOffset
  }

  /**
   * Records from `baseOffset` to `lastOffset` were handed out. Reading goes on at `nextOffset`, past offsets that
   * readers never see.
   */
  delivered(baseOffset: number, lastOffset: number, nextOffset: number): void {
    this.#finished.delivered(baseOffset, lastOffset + 1)
    this.#position = nextOffset
  }

  /** The program asked for the next record, so it is done with the last one. */
  askedNext(): void {
    this.#finished.askedNext()
  }

  /** The iteration ended at its last record. What it fetched and didn't deliver stays for the next one. */
  iterationEnded(): void {
    this.#finished.ended()
  }

  /** A record that the program keeps holds it, and must not hold what came after it. */
  givenUp(): void {
    this.#buffer = undefined
    this.isGivenUp = true
    this.#changed()
  }

  /**
   * Takes all that was delivered below `nextOffset` as finished. Returns what is to be called once the group has
   * committed `nextOffset`; a `seek` in between wins over it, also after an abort, and so does a later commit: the
   * offsets of a transaction may be committed after it, and don't count any more.
   */
  finish(nextOffset: number): () => void {
    this.#finished.committed(nextOffset)
    const moves = this.#moves
    const finish = ++this.#finishes
    return () => {
      if (moves !== this.#moves || finish < this.#committedFinish) return
      this.#committedFinish = finish
      this.#committed(nextOffset)
    }
  }

  /**
   * The group has committed `nextOffset`. If an abort led back to records that another run of the same work has
   * committed after all, they are passed over.
   */
  #committed(nextOffset: number): void {
    this.#restart = nextOffset
    if (this.#position < nextOffset && nextOffset <= this.#rewoundFrom) this.#moveTo(nextOffset)
  }

  /** The transaction that would have committed the delivered records was aborted: they are delivered again. */
  rewind(): void {
    const from = Math.max(this.#position, this.#rewoundFrom)
    this.#goTo(this.#restart)
    this.#rewoundFrom = from
  }

  /**
   * `call`: how many calls of `seek` the program has made, this one included. One to a time has to be looked up, and
   * does nothing once a later call has moved the partition.
   */
  seek(nextOffset: number, call: number): void {
    if (call < this.#seekCall) return
    this.#seekCall = call
    this.reset(nextOffset)
  }

  /** Reading goes on elsewhere, whatever was delivered. */
  reset(nextOffset: number): void {
    this.#moves++
    this.#goTo(nextOffset)
  }

  #goTo(nextOffset: number): void {
    this.#moveTo(nextOffset)
    this.#restart = nextOffset
    this.#rewoundFrom = -1
    this.#finished = new FinishedOffsets()
  }

  #moveTo(nextOffset: number): void {
    this.#buffer = undefined
    this.#changed()
    this.#position = nextOffset
  }

  /** UNFINISHED_RECORDS if a commit of `nextOffset` would pass records that were delivered and aren't finished. */
  assertFinished(nextOffset: number): void {
    const { unfinishedOffset } = this.#finished
    if (unfinishedOffset === undefined || nextOffset <= unfinishedOffset) return
    const { topic, partition } = this
    const message = `offset ${unfinishedOffset} of ${topic}-${partition} was delivered and isn't finished`
    throw new LogError('UNFINISHED_RECORDS', message, { topic, partition, unfinishedOffset, nextOffset })
  }
}
