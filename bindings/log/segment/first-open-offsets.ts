import type { StoredProducer } from '../../storage/stored-state.ts'

/**
 * The transactions of one partition that no marker has ended: by producer, the offset of the first record of each. Hot
 * path: mostly there is one at a time, and a map that is emptied again and again leaves garbage that only a full
 * collection finds.
 */
export class FirstOpenOffsets {
  /** The one that began first; -1 without one. */
  #oldestProducer = -1
  #oldestOffset = -1
  /** The others in offset order: a new transaction begins at the partition's end. */
  readonly #later: Map<number, number> = new Map()

  constructor(producers: Iterable<StoredProducer> = []) {
    const open: [number, number][] = []
    for (const { producerId, currentTransactionFirstOffset } of producers) {
      if (currentTransactionFirstOffset >= 0) open.push([producerId, currentTransactionFirstOffset])
    }
    for (const [producerId, offset] of open.sort(([, a], [, b]) => a - b)) this.begin(producerId, offset)
  }

  /** -1 if the producer has no open transaction. */
  firstOffsetOf(producerId: number): number {
    if (producerId === this.#oldestProducer) return this.#oldestOffset
    return this.#later.size === 0 ? -1 : (this.#later.get(producerId) ?? -1)
  }

  /** A transaction begins at the end of the partition; does nothing if the producer has one open. */
  begin(producerId: number, offset: number): void {
    if (this.firstOffsetOf(producerId) >= 0) return
    if (this.#oldestOffset >= 0) this.#later.set(producerId, offset)
    else this.#isOldest(producerId, offset)
  }

  #isOldest(producerId: number, offset: number): void {
    this.#oldestProducer = producerId
    this.#oldestOffset = offset
  }

  /** Ends the producer's transaction. Returns where it began, -1 if none was open. */
  end(producerId: number): number {
    const firstOffset = this.firstOffsetOf(producerId)
    if (producerId !== this.#oldestProducer) this.#later.delete(producerId)
    else this.#oldestEnded()
    return firstOffset
  }

  #oldestEnded(): void {
    this.#isOldest(-1, -1)
    for (const [producerId, offset] of this.#later) {
      this.#later.delete(producerId)
      return this.#isOldest(producerId, offset)
    }
  }

  /** The lowest offset that isn't decided; `after` if all are. */
  lowest(after: number): number {
    return this.#oldestOffset < 0 ? after : Math.min(this.#oldestOffset, after)
  }

  /** The producer whose open transaction began first; `undefined` without one. */
  get oldestProducer(): number | undefined {
    return this.#oldestOffset < 0 ? undefined : this.#oldestProducer
  }

  /** The producers, each with the offset at which its open transaction began. */
  *of(producers: Iterable<StoredProducer>): Iterable<StoredProducer> {
    for (const producer of producers) {
      yield { ...producer, currentTransactionFirstOffset: this.firstOffsetOf(producer.producerId) }
    }
  }
}
