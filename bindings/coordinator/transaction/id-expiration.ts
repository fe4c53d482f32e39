/** Kafka's transactional.id.expiration.ms, and how often the log looks for expired ids. */
const ID_EXPIRATION_MS = 7 * 24 * 3_600_000
const EXPIRATION_LOOK_MS = 3_600_000

/** When to look for ids that have expired: at intervals, once any id is known. */
export class IdExpiration {
  #nextLook: number | undefined

  get nextLook(): number {
    return this.#nextLook ?? Number.POSITIVE_INFINITY
  }

  /** An id exists that may expire. */
  known(now: number): void {
    this.#nextLook ??= now + EXPIRATION_LOOK_MS
  }

  /** Whether to look now; the next look is a while later. */
  takeLook(now: number): boolean {
    if (now < this.nextLook) return false
    this.#nextLook = now + EXPIRATION_LOOK_MS
    return true
  }

  isOver(lastUpdateMs: number, now: number): boolean {
    return lastUpdateMs + ID_EXPIRATION_MS <= now
  }

  clockMoved(byMs: number): void {
    if (this.#nextLook !== undefined) this.#nextLook += byMs
  }
}
