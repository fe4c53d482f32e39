/** Kafka rebuilds producers from the newest whole snapshot, or from the one before it. */
const SNAPSHOTS_MAX = 2

/** Producer snapshots of rolls that no file has yet, by offset; the newest two. */
export class PendingSnapshots {
  readonly #byOffset = new Map<number, Uint8Array>()

  add(offset: number, bytes: Uint8Array): void {
    this.#byOffset.set(offset, bytes)
    const [oldest] = this.#byOffset.keys()
    if (this.#byOffset.size > SNAPSHOTS_MAX && oldest !== undefined) this.#byOffset.delete(oldest)
  }

  /** Those up to `offset`, in their order. */
  upTo(offset: number): readonly (readonly [offset: number, bytes: Uint8Array])[] {
    return [...this.#byOffset].filter(([at]) => at <= offset)
  }

  /** A file has it, or its segment is gone. */
  forget(offset: number): void {
    this.#byOffset.delete(offset)
  }
}
