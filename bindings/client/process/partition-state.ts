import { type BatchMemory, SharedBlocks } from '../../model/batch-memory.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { BaseLayer, type KeyValue, Layer, type StateStore, StateView } from './keyed-state.ts'
import type { PartitionValues } from './partition-values.ts'

const BLOCK_BYTES = 64 * 1024

export type NamedStore = readonly [name: string, store: StateStore]

/** The state of one partition, of all stores, with the changes that the batch at hand has made. */
export class PartitionState {
  readonly #stores: readonly NamedStore[]
  readonly #bases: readonly BaseLayer[]
  /** The changelogs that the state was read from. */
  readonly changelogs: readonly Pick<PartitionValues, 'topic' | 'topicId'>[]
  readonly #partition: number
  /** Whether records are handled side by side, so that one may change what another has read. */
  readonly #isConcurrent: boolean
  /** For what the program gives and gets: it needn't outlive a batch. */
  readonly #memory: BatchMemory = new SharedBlocks(BLOCK_BYTES)
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

  /** New layers, for one try of one record. */
  layers(): Layer[] {
    return this.#batch.map((layer) => new Layer(layer, this.#isConcurrent))
  }

  views(layers: readonly Layer[]): Record<string, KeyValue<never, never>> {
    const views: Record<string, KeyValue<never, never>> = {}
    this.#stores.forEach(([name, { changelog }], index) => {
      views[name] = new StateView(changelog, this.#partition, layers[index] as Layer, this.#memory)
    })
    return views
  }

  /** The try has ended: what `handle` left running can change nothing any more. */
  end(layers: readonly Layer[]): void {
    for (const layer of layers) layer.hasEnded = true
  }

  /** Whether another record has changed what this try read. */
  areStale(layers: readonly Layer[]): boolean {
    return this.#isConcurrent && layers.some((layer) => layer.isStale)
  }

  /** The try succeeded and isn't stale: its changes become the batch's. */
  take(layers: readonly Layer[]): void {
    layers.forEach((layer, index) => {
      this.#batch[index]?.take(layer)
    })
  }

  /** Changes of the whole batch, or of one try, as records for their changelogs. */
  changes(layers: readonly Layer[] = this.#batch): ProducerRecord[] {
    const records: ProducerRecord[] = []
    for (const layer of layers) layer.addRecords(records)
    return records
  }

  /** The batch's transaction commits now; the next batch goes on from its changes. */
  sent(): void {
    this.#bases.forEach((base, index) => {
      base.committing = this.#batch[index]
    })
    this.#batch = this.#begin()
  }

  /** The transaction was committed: its changes are now committed values. */
  committed(): void {
    for (const base of this.#bases) base.committed()
  }
}
