import { parseTopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource, SegmentConfig } from '../../storage/partition-source.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'

/**
 * What topics' configs say of segments. The engine reads the catalogue only after the opening, so until then the
 * opening goes by what it found there itself: index entries that a recovery makes stay, and would otherwise have the
 * default interval.
 */
export class SegmentConfigs {
  readonly #engine: Pick<PartitionSource, 'segmentConfig'>
  #inCatalogue: ReadonlyMap<string, SegmentConfig> = new Map()

  constructor(engine: Pick<PartitionSource, 'segmentConfig'>) {
    this.#engine = engine
  }

  found(topics: Iterable<CatalogueTopic>): void {
    this.#inCatalogue = new Map(Array.from(topics, ({ topicId, config }) => [topicId, parseTopicConfig(config)]))
  }

  opened(): void {
    this.#inCatalogue = new Map()
  }

  of(id: PartitionIdentity): SegmentConfig {
    return this.#inCatalogue.get(id.topicId) ?? this.#engine.segmentConfig(id)
  }
}
