import type { DecodedBatch } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { encodeCatalogueEntry } from '../catalogue/catalogue-codec.ts'
import type { CatalogueEntry } from '../catalogue/catalogue-entry.ts'
import type { TableRecord } from '../catalogue/table-record.ts'
import { CATALOGUE_TOPIC, isInternalTopic, isUserTopicId } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import { directoryTopicId } from '../files/partition-directory.ts'

/** The topics, as far as the catalogue's remaining records tell them. */
export class SalvagedTopics {
  readonly #catalogue = new Catalogue()
  #isIncomplete = false

  /**
   * Whether the remaining records don't say everything: one contradicted those before it, or the directories told more.
   */
  get isIncomplete(): boolean {
    return this.#isIncomplete || !this.#catalogue.isWhole
  }

  get view(): TopicView {
    return this.#catalogue.durable
  }

  take(batch: DecodedBatch): void {
    for (let index = 0; index < batch.recordCount; index++) {
      const [key, value, headers] = [batch.keyOf(index), batch.valueOf(index), batch.headersOf(index)]
      this.#apply({ key, value, headers, timestamp: batch.timestampOf(index) }, batch.offsetOf(index))
    }
  }

  #apply(record: TableRecord, offset: number): void {
    try {
      this.#catalogue.apply(record, { topic: CATALOGUE_TOPIC, partition: 0, offset })
    } catch (error) {
      if (!LogError.is(error, 'CORRUPT_LOG')) throw error
      this.#isIncomplete = true
    }
  }

  #add(entry: CatalogueEntry): void {
    this.#isIncomplete = true
    this.#apply(encodeCatalogueEntry(entry), 0)
  }

  /**
   * Where catalogue records are lost, the partitions' directories still tell which topics and partitions there are, but
   * not their config. A topic of which no directory is left counts as deleted.
   */
  *completeFrom(store: FileStore, isKnown: (topicId: string) => boolean): Task<void> {
    const found = new Map<string, { readonly name: string; partitions: number }>()
    for (const directory of yield* perform('list', '', () => store.list(''))) {
      const parsed = parsePartitionDirectory(directory)
      const topicId = parsed && (yield* directoryTopicId(store, directory))
      if (parsed === undefined || !isUserTopicId(topicId) || isInternalTopic(parsed.topic)) continue
      if (this.view.byId(topicId)?.isDeleted === true) continue
      const partitions = Math.max(found.get(topicId)?.partitions ?? 0, parsed.partition + 1)
      found.set(topicId, { name: parsed.topic, partitions })
    }
    for (const { topicId, name, partitions } of this.view.live()) {
      if (!found.has(topicId) && !isKnown(topicId)) this.#add({ kind: 'topic-deleted', topicId, name, partitions })
    }
    for (const [topicId, { name, partitions }] of found) {
      const known = this.view.liveById(topicId)
      if (known === undefined && this.view.byName(name) === undefined)
        this.#add({ kind: 'topic-created', topicId, name, partitions, config: {} })
      else if (known !== undefined && known.partitions < partitions)
        this.#add({ kind: 'partitions-added', topicId, partitions })
    }
  }

  /** The fewest records that say the same. */
  snapshot(): readonly TableRecord[] {
    return this.#catalogue.snapshot()
  }
}
