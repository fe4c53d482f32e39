import type { TopicPartition } from '../model/positions.ts'

/**
 * Headers to write: an object, or pairs where names repeat or values are null. Order is kept; text is written as UTF-8.
 */
export type RecordHeadersInit =
  | { readonly [name: string]: string | Uint8Array }
  | Iterable<readonly [name: string, value: string | Uint8Array | null]>

/** One record before it has a place in the log. */
export interface RecordInput<K, V> {
  /**
   * Records with equal keys go to the same partition, in the order of sending. Records without a key go to one
   * partition for a while, then to another.
   */
  key?: K | null | undefined
  /** `null` is a tombstone: in a compacted topic it removes the key. Required, even if it is null. */
  value: V | null
  /** The partition, from 0; by default the partitioner chooses it. */
  partition?: number | undefined
  /** Whole milliseconds since 1970. By default the log's clock at the moment of the append. */
  timestamp?: number | undefined
  /** Headers; none by default. */
  headers?: RecordHeadersInit | undefined
}

/**
 * A record whose key and value are bytes, or text that is written as UTF-8: by hand, or what `topic.record()` gives.
 */
export interface ProducerRecord extends RecordInput<string | Uint8Array, string | Uint8Array> {
  /** The topic's name. */
  topic: string
}

/** Where a record stands in the log. */
export interface RecordMetadata extends TopicPartition {
  /**
   * -1 if the record is known to be written but its offset isn't known any more: after a retry that came more than five
   * batches late.
   */
  readonly offset: number
  /**
   * Milliseconds since 1970: the record's own time, or that of its append, as `message.timestamp.type` of the topic
   * says.
   */
  readonly timestamp: number
}
