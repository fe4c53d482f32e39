import type { TopicPartition } from '../model/positions.ts'

/** Headers to write: an object, or pairs where names repeat or values are null. Order is kept; text is written as UTF-8. */
export type RecordHeadersInit =
  | { readonly [name: string]: string | Uint8Array }
  | Iterable<readonly [name: string, value: string | Uint8Array | null]>

/** One record before it has a place in the log. */
export interface RecordInput<K, V> {
  /** Records with equal keys go to the same partition, in order. Without a key the partition changes now and then. */
  key?: K | null | undefined
  /** `null` is a tombstone: in a compacted topic it stands for the removal of its key. Said, be it null. */
  value: V | null
  /** From 0 below the topic's partitions; overrides the partitioner. */
  partition?: number | undefined
  /** Whole milliseconds since 1970; the log's clock at the append unless said. */
  timestamp?: number | undefined
  /** None unless said. */
  headers?: RecordHeadersInit | undefined
}

/** A record whose key and value are bytes, or text that is written as UTF-8: by hand, or what `topic.record()` gives. */
export interface ProducerRecord extends RecordInput<string | Uint8Array, string | Uint8Array> {
  /** The topic's name. */
  topic: string
}

/** Where a record stands in the log. */
export interface RecordMetadata extends TopicPartition {
  /** -1 when the record is known to be written and its place forgotten: a retry that came more than five batches late. */
  readonly offset: number
  /** Milliseconds since 1970: the record's own, or the time of its append (`message.timestamp.type`). */
  readonly timestamp: number
}
