import { type AskedPosition, type DelayedFetch, PositionList } from './fetch-positions.ts'
import type { HostedPartition } from './hosted-partition.ts'

const NONE: readonly AskedPosition[] = []

/**
 * The fetches that wait, and the positions that have nothing: Kafka's word (DelayedOperationPurgatory). There are no
 * deadlines here: a fetch that finds nothing waits until its reader is woken.
 */
export class FetchPurgatory {
  readonly #fetches = new Set<DelayedFetch>()
  readonly #byReader = new Map<object, Set<DelayedFetch>>()
  /** The positions at each partition that has nothing for them. */
  readonly #at = new Map<HostedPartition, PositionList>()

  /** All of them, in the order of their arrival. A copy, since the caller may remove some while it goes through it. */
  all(): readonly DelayedFetch[] {
    return [...this.#fetches]
  }

  /** Those of this reader, as a copy too. */
  of(reader: object): readonly DelayedFetch[] {
    return [...(this.#byReader.get(reader) ?? [])]
  }

  has(fetch: DelayedFetch): boolean {
    return this.#fetches.has(fetch)
  }

  add(fetch: DelayedFetch): void {
    if (this.#fetches.has(fetch)) return
    this.#fetches.add(fetch)
    this.#byReader.set(fetch.reader, (this.#byReader.get(fetch.reader) ?? new Set()).add(fetch))
  }

  remove(fetch: DelayedFetch): void {
    if (!this.#fetches.delete(fetch)) return
    const ofReader = this.#byReader.get(fetch.reader)
    if (ofReader?.delete(fetch) && ofReader.size === 0) this.#byReader.delete(fetch.reader)
  }

  /** The partition has nothing for it now. */
  park(asked: AskedPosition, partition: HostedPartition): void {
    let list = this.#at.get(partition)
    if (list === undefined) {
      list = new PositionList()
      this.#at.set(partition, list)
    }
    list.add(asked)
  }

  /** The positions that wait for the partition, as a copy. */
  at(partition: HostedPartition): readonly AskedPosition[] {
    return this.#at.get(partition)?.all() ?? NONE
  }

  /** The partition is gone: nobody waits for it again. */
  forget(partition: HostedPartition): void {
    this.#at.delete(partition)
  }
}
