import type { ProducerRecord } from '../producer-record.ts'
import { BaseLayer, type KeyValue, Layer, type StateStore, StateView } from './keyed-state.ts'
import type { PartitionValues } from './partition-values.ts'

export type NamedStore = readonly [name: string, store: StateStore]

/** The state of one partition, of all stores, with the changes that the batch at hand has made. */
export class PartitionState {
  readonly #stores: readonly NamedStore[]
  readonly #bases: readonly BaseLayer[]
  /** What state was read from. */
  readonly changelogs: readonly Pick<PartitionValues, 'topic' | 'topicId'>[]
  readonly #partition: number
  /** Records that are handled at once change what the others read. */
  readonly #isConcurrent: boolean
  #batch: Layer[]

  constructor(
    stores: readonly NamedStore[],
    values: readonly PartitionValues[],
    partition: number,
    isConcurrent: boolean,
  ) {
    this.#isConcurrent = isConcurrent
    this.#stores = stores
    this.changelogs = values
    this.#bases = values.map((each) => new BaseLayer(each))
    this.#partition = partition
    this.#batch = this.#begin()
  }

  #begin(): Layer[] {
    return this.#bases.map((base) => new Layer(base, false))
  }

  /** For one try of one record. */
  layers(): Layer[] {
    return this.#batch.map((layer) => new Layer(layer, this.#isConcurrent))
  }

  views(layers: readonly Layer[]): Record<string, KeyValue<never, never>> {
    const views: Record<string, KeyValue<never, never>> = {}
    this.#stores.forEach(([name, { changelog }], index) => {
      views[name] = new StateView(changelog, this.#partition, layers[index] as Layer)
    })
    return views
  }

  /** Whether another record has changed since what this try read. */
  areStale(layers: readonly Layer[]): boolean {
    return this.#isConcurrent && layers.some((layer) => layer.isStale)
  }

  /** The try succeeded, on what still holds. */
  take(layers: readonly Layer[]): void {
    layers.forEach((layer, index) => {
      this.#batch[index]?.take(layer)
    })
  }

  /** Of the whole batch, or of one try, as records of their changelogs. */
  changes(layers: readonly Layer[] = this.#batch): ProducerRecord[] {
    const records: ProducerRecord[] = []
    for (const layer of layers) layer.addRecords(records)
    return records
  }

  /** The batch is in a transaction whose commit is under way; the next one goes on from it. */
  sent(): void {
    this.#bases.forEach((base, index) => {
      base.committing = this.#batch[index]
    })
    this.#batch = this.#begin()
  }

  /** What was sent holds. */
  committed(): void {
    for (const base of this.#bases) base.committed()
  }
}
