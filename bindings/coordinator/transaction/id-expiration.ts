/** Kafka's transactional.id.expiration.ms, and how often the log looks for expired ids. */
const ID_EXPIRATION_MS = 7 * 24 * 3_600_000
const CHECK_INTERVAL_MS = 3_600_000

/** When to look for ids that have expired: at intervals, once any id is known. */
export class IdExpiration {
  #nextCheck: number | undefined

  /** When the next check is due. */
  get nextCheck(): number {
    return this.#nextCheck ?? Number.POSITIVE_INFINITY
  }

  /** An id exists that may expire. */
  known(now: number): void {
    this.#nextCheck ??= now + CHECK_INTERVAL_MS
  }

  /** Whether to check now; the next check is `CHECK_INTERVAL_MS` later. */
  takeCheck(now: number): boolean {
    if (now < this.nextCheck) return false
    this.#nextCheck = now + CHECK_INTERVAL_MS
    return true
  }

  isOver(lastUpdateMs: number, now: number): boolean {
    return lastUpdateMs + ID_EXPIRATION_MS <= now
  }

  clockMoved(byMs: number): void {
    if (this.#nextCheck !== undefined) this.#nextCheck += byMs
  }
}
