import type { CommittedOffset } from './group-entry.ts'

interface PendingOffset {
  readonly offset: CommittedOffset
  /** A later one has a higher number. */
  readonly order: number
}

/**
 * Offsets that wait for the commit of their producer's transaction; nobody sees them, and an abort drops them. If
 * several transactions have offsets of the same partition, the offset that was sent last wins, whichever transaction is
 * decided last. A plain commit counts at once. Source: kafka.md 4.10 (apache/kafka OffsetMetadataManager,
 * testReplayTransactionEndMarkerKeepsTheMostRecentCommittedOffset).
 */
export class PendingOffsets {
  /** By partition and then by producer, so that a commit looks at its own partitions only. */
  readonly #byPlace: Map<string, Map<number, PendingOffset>> = new Map()
  readonly #places: Map<number, Set<string>> = new Map()
  #order = 0

  add(producerId: number, offsets: readonly CommittedOffset[]): void {
    const places = this.#places.get(producerId) ?? new Set()
    this.#places.set(producerId, places)
    for (const offset of offsets) {
      const place = placeOf(offset)
      const byProducer = this.#byPlace.get(place) ?? new Map<number, PendingOffset>()
      byProducer.set(producerId, { offset, order: ++this.#order })
      this.#byPlace.set(place, byProducer)
      places.add(place)
    }
  }

  /**
   * The transaction is committed: returns its offsets, without those that a later one replaced. Offsets of other
   * transactions that were sent before these don't count any more.
   */
  take(producerId: number): readonly CommittedOffset[] {
    const taken: CommittedOffset[] = []
    for (const place of this.#places.get(producerId) ?? []) {
      const own = this.#byPlace.get(place)?.get(producerId)
      if (own === undefined) continue
      taken.push(own.offset)
      this.#overtake(place, own.order)
    }
    this.drop(producerId)
    return taken
  }

  /** Its transaction is aborted. */
  drop(producerId: number): void {
    for (const place of this.#places.get(producerId) ?? []) this.#remove(place, producerId)
    this.#places.delete(producerId)
  }

  /** Offsets were committed outside of any transaction: those sent in transactions before don't count any more. */
  overtaken(offsets: Iterable<Pick<CommittedOffset, 'groupId' | 'topicId' | 'partition'>>): void {
    if (this.#byPlace.size === 0) return
    for (const offset of offsets) this.#overtake(placeOf(offset), this.#order)
  }

  /** Drops the offsets of a deleted topic or group. */
  dropWhere(isGone: (offset: CommittedOffset) => boolean): void {
    for (const byProducer of [...this.#byPlace.values()]) {
      const offsets = Array.from(byProducer.values(), ({ offset }) => offset)
      this.overtaken(offsets.filter(isGone))
    }
  }

  /** Whether an open transaction may still change what is committed there. */
  has(groupId: string, topicId: string, partition: number): boolean {
    return this.#byPlace.size > 0 && this.#byPlace.has(placeOf({ groupId, topicId, partition }))
  }

  #overtake(place: string, order: number): void {
    for (const [producerId, pending] of this.#byPlace.get(place) ?? []) {
      if (pending.order <= order) this.#remove(place, producerId)
    }
  }

  #remove(place: string, producerId: number): void {
    const byProducer = this.#byPlace.get(place)
    byProducer?.delete(producerId)
    if (byProducer?.size === 0) this.#byPlace.delete(place)
  }
}

function placeOf({ groupId, topicId, partition }: Pick<CommittedOffset, 'groupId' | 'topicId' | 'partition'>): string {
  return `${topicId}${partition}/${groupId}`
}
