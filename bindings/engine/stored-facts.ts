import type { PartitionIdentity } from '../storage/partition-identity.ts'
import type { PartitionSource, SegmentConfig } from '../storage/partition-source.ts'
import type { StoredProducer } from '../storage/stored-state.ts'
import type { Topics } from './topics.ts'

/**
 * What the store asks of the engine: about partitions in use as they are now, about the others as recovery found them.
 */
export class StoredFacts implements PartitionSource {
  readonly #topics: () => Topics

  constructor(topics: () => Topics) {
    this.#topics = topics
  }

  *producers(id: PartitionIdentity): Iterable<StoredProducer> {
    const topics = this.#topics()
    const hosted = topics.find(id)
    yield* hosted === undefined ? (topics.stored(id)?.producers ?? []) : hosted.partition.producers()
  }

  logStartOffset(id: PartitionIdentity): number {
    const topics = this.#topics()
    return topics.find(id)?.partition.watermarks.logStartOffset ?? topics.stored(id)?.logStartOffset ?? 0
  }

  ceiling(id: PartitionIdentity): number {
    const topics = this.#topics()
    return topics.find(id)?.partition.watermarks.ceiling ?? topics.stored(id)?.ceiling ?? 0
  }

  copyTail(id: PartitionIdentity, baseOffset: number, nextOffset: number, into: Uint8Array): boolean {
    return this.#topics().find(id)?.partition.copyTail(baseOffset, nextOffset, into) ?? false
  }

  segmentConfig(id: PartitionIdentity): SegmentConfig {
    const config = this.#topics().config(id.topicId)
    if (config.segmentMs <= config.maxCompactionLagMs || !config.cleanupPolicy.includes('compact')) return config
    // The active segment is never compacted, so it mustn't stay active for longer (KIP-354).
    return { ...config, segmentMs: config.maxCompactionLagMs }
  }
}
