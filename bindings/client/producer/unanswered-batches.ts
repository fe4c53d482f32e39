import type { PendingBatch } from './pending-batch.ts'

/** The number of sequences: after 2147483647 comes 0 (kafka.md 3.4). */
const SEQUENCES = 2 ** 31

/** The batches of a partition that have a sequence and no answer, in the order of their sequences. */
export class UnansweredBatches {
  #batches: PendingBatch[] = []
  #nextSequence = 0
  /** How many batches have got a sequence. */
  #numbered = 0
  /** Sequence of the first refused batch that left a gap before unanswered ones; -1 without a gap. */
  #gapAt = -1

  get all(): readonly PendingBatch[] {
    return this.#batches
  }

  get oldest(): PendingBatch | undefined {
    return this.#batches[0]
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  /** Whether it is known of every batch if it was written. */
  get isQuiet(): boolean {
    return this.#batches.every((batch) => batch.state === 'held')
  }

  /** Whether a batch is to be asked for again. */
  get isUnsure(): boolean {
    return this.#batches.some(({ state }) => state === 'again' || state === 'due')
  }

  get hasGap(): boolean {
    return this.#gapAt >= 0
  }

  /** The sequence that the next batch gets. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /**
   * Whether one more batch stays within what the log remembers, counted from the oldest unanswered batch. Later batches
   * may have been answered already: if the answer to the oldest was lost, it is sent again after them.
   */
  mayFollow(unansweredMax: number): boolean {
    const { oldest } = this
    return oldest === undefined || this.#numbered - oldest.ordinal < unansweredMax
  }

  number(batch: PendingBatch, producerEpoch: number, recordCount: number): void {
    batch.producerEpoch = producerEpoch
    batch.baseSequence = this.#nextSequence
    this.#nextSequence = (this.#nextSequence + recordCount) % SEQUENCES
    batch.ordinal = this.#numbered++
    this.#batches.push(batch)
  }

  /**
   * Counts a batch that is to be asked for again, and those that wait for it: together they wait no longer than one.
   */
  countAsk(batch: PendingBatch): void {
    for (const each of this.#batches) if (each === batch || each.state === 'due') each.asksAgain++
  }

  /**
   * Whether the batch's sequence comes after the gap. Sequences of five batches never span half of the circle, so the
   * difference tells which one comes first.
   */
  isAfterGap({ baseSequence }: PendingBatch): boolean {
    return this.hasGap && (baseSequence - this.#gapAt + SEQUENCES) % SEQUENCES < SEQUENCES / 2
  }

  remove(batch: PendingBatch): void {
    if (this.#batches[0] === batch) this.#batches.shift()
    else this.#batches.splice(this.#batches.indexOf(batch), 1)
  }

  /** Removes a batch that certainly wasn't written. Its sequences are given again, at once if it is the last batch. */
  removeUnwritten(batch: PendingBatch): void {
    const isLast = this.#batches.at(-1) === batch
    this.remove(batch)
    if (isLast && !this.hasGap) this.#nextSequence = batch.baseSequence
    else this.#openGap(batch)
  }

  /** Puts others in the place of a batch that certainly wasn't written. They wait for new sequences. */
  replace(batch: PendingBatch, others: readonly PendingBatch[]): void {
    this.#openGap(batch)
    this.#batches.splice(this.#batches.indexOf(batch), 1, ...others)
  }

  #openGap(batch: PendingBatch): void {
    if (!this.isAfterGap(batch)) this.#gapAt = batch.baseSequence
  }

  /** Closes the gap: the next batch gets the sequence that the gap began with. */
  closeGap(): void {
    this.#nextSequence = this.#gapAt
    this.#gapAt = -1
  }

  /** Begins with sequence 0, under a new epoch. */
  beginSequencesAnew(): void {
    this.#nextSequence = 0
    this.#gapAt = -1
  }

  takeAll(): readonly PendingBatch[] {
    const all = this.#batches
    this.#batches = []
    return all
  }

  /** Takes the batches that certainly weren't written. */
  takeHeld(): readonly PendingBatch[] {
    const held = this.#batches.filter((batch) => batch.state === 'held')
    this.#batches = this.#batches.filter((batch) => batch.state !== 'held')
    return held
  }
}
