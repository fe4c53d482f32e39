import type { StoredProducer } from '../../storage/partition-store.ts'

/** The transactions of one partition that no marker has ended: by producer, the offset of the first record of each. */
export class FirstOpenOffsets {
  /** In offset order: a new transaction begins at the partition's end. */
  readonly #firstOffsets: Map<number, number>

  constructor(producers: Iterable<StoredProducer> = []) {
    const open: [number, number][] = []
    for (const { producerId, currentTransactionFirstOffset } of producers) {
      if (currentTransactionFirstOffset >= 0) open.push([producerId, currentTransactionFirstOffset])
    }
    this.#firstOffsets = new Map(open.sort(([, a], [, b]) => a - b))
  }

  /** -1 if the producer has no open transaction. */
  firstOffsetOf(producerId: number): number {
    return this.#firstOffsets.get(producerId) ?? -1
  }

  /** A transaction begins at the end of the partition; does nothing if the producer has one open. */
  begin(producerId: number, offset: number): void {
    if (!this.#firstOffsets.has(producerId)) this.#firstOffsets.set(producerId, offset)
  }

  /** Ends the producer's transaction. Answers where it began, -1 if none was open. */
  end(producerId: number): number {
    const firstOffset = this.firstOffsetOf(producerId)
    this.#firstOffsets.delete(producerId)
    return firstOffset
  }

  /** The lowest offset that isn't decided; `after` if all are. */
  lowest(after: number): number {
    for (const offset of this.#firstOffsets.values()) return Math.min(offset, after)
    return after
  }

  /** The producer whose open transaction began first; `undefined` without one. */
  get oldestProducer(): number | undefined {
    for (const producerId of this.#firstOffsets.keys()) return producerId
    return undefined
  }

  /** The producers, each with the offset at which its open transaction began. */
  *of(producers: Iterable<StoredProducer>): Iterable<StoredProducer> {
    for (const producer of producers) {
      yield { ...producer, currentTransactionFirstOffset: this.firstOffsetOf(producer.producerId) }
    }
  }
}
