import type { OpenTransaction } from './open-transaction.ts'

/**
 * Kafka's transaction.abort.timed.out.transaction.cleanup.interval.ms: an end that failed, perhaps on a full disk, is
 * tried again.
 */
const END_AGAIN_MS = 10_000

/** The open transactions, at most one for each producer, and the next time at which one of them has taken too long. */
export class OpenTransactions {
  readonly #byProducer: Map<number, OpenTransaction> = new Map()
  /** May be too early, never too late. */
  #nextDeadline: number = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#byProducer.size
  }

  get nextDeadline(): number {
    return this.#nextDeadline
  }

  get(producerId: number): OpenTransaction | undefined {
    return this.#byProducer.get(producerId)
  }

  all(): Iterable<OpenTransaction> {
    return this.#byProducer.values()
  }

  /** One that is ending already has no deadline any more. */
  add(open: OpenTransaction): void {
    this.#byProducer.set(open.producerId, open)
    if (open.state === 'Ongoing') this.#awaitDeadline(open)
  }

  delete({ producerId }: OpenTransaction): void {
    this.#byProducer.delete(producerId)
  }

  /**
   * The transactions that took longer than their timeout. Those that weren't ended are returned again after a while.
   */
  expired(now: number): readonly OpenTransaction[] {
    if (now < this.#nextDeadline) return []
    const ongoing = [...this.#byProducer.values()].filter((open) => open.state === 'Ongoing')
    const expired = ongoing.filter((open) => open.deadline <= now)
    this.#nextDeadline = expired.length > 0 ? now + END_AGAIN_MS : Number.POSITIVE_INFINITY
    for (const open of ongoing) if (open.deadline > now) this.#awaitDeadline(open)
    return expired
  }

  /** The wall clock was set forward by `byMs`: open transactions don't get older by that. */
  clockMoved(byMs: number): void {
    for (const open of this.#byProducer.values()) open.startMs += byMs
    this.#nextDeadline += byMs
  }

  #awaitDeadline(open: OpenTransaction): void {
    this.#nextDeadline = Math.min(this.#nextDeadline, open.deadline)
  }
}
