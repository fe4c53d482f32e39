/** Kafka's transactional.id.expiration.ms, and how often the log looks for expired ids. */
const ID_EXPIRATION_MS = 7 * 24 * 3_600_000
const CHECK_INTERVAL_MS = 3_600_000

/**
 * Which ids nobody has used for a week of passing time, and when to look for them: at intervals, once any id is known.
 * Records tell by the wall clock when an id was used last; that clock is trusted as it stood at the open.
 */
export class IdExpiration {
  #nextCheck: number | undefined
  /** By how much the wall clock was put forward since the open. */
  #movedMs = 0
  /** What `#movedMs` was when an id was used last, for ids where it wasn't 0. */
  readonly #movedAtUse: Map<string, number> = new Map()

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

  used(transactionalId: string): void {
    if (this.#movedMs === 0) this.#movedAtUse.delete(transactionalId)
    else this.#movedAtUse.set(transactionalId, this.#movedMs)
  }

  isOver(transactionalId: string, lastUpdateMs: number, now: number): boolean {
    const lastUse = lastUpdateMs - (this.#movedAtUse.get(transactionalId) ?? 0)
    return lastUse + ID_EXPIRATION_MS <= now - this.#movedMs
  }

  forgotten(transactionalId: string): void {
    this.#movedAtUse.delete(transactionalId)
  }

  clockMoved(byMs: number): void {
    this.#movedMs += byMs
    if (this.#nextCheck !== undefined) this.#nextCheck += byMs
  }
}
