import type { PartitionIdentity } from './partition-identity.ts'
import type { StoredProducer } from './stored-state.ts'

/**
 * The port in the other direction: what a store asks of the engine for its checkpoints and snapshots, because only the
 * engine knows it. Answers are as of the call.
 */
export interface PartitionSource {
  /** The partition's producers, with their last batches. */
  producers(id: PartitionIdentity): Iterable<StoredProducer>
  /** Offset of the first record that is kept. */
  logStartOffset(id: PartitionIdentity): number
  /** The ceiling that was committed last; 0 if none was. */
  ceiling(id: PartitionIdentity): number
  /** The config of the partition's topic. */
  segmentConfig(id: PartitionIdentity): SegmentConfig
  /**
   * Copies the batches between two offsets out of memory. False if they aren't there; then `into` may hold anything.
   */
  copyTail(id: PartitionIdentity, baseOffset: number, nextOffset: number, into: Uint8Array): boolean
}

/** When a partition begins a new segment, and how dense its indexes are: Kafka's segment.* and index.* keys. */
export interface SegmentConfig {
  /** Kafka's segment.bytes. */
  readonly segmentBytes: number
  /** Kafka's segment.ms. */
  readonly segmentMs: number
  /** Kafka's segment.index.bytes. */
  readonly segmentIndexBytes: number
  /** Kafka's index.interval.bytes. */
  readonly indexIntervalBytes: number
}
