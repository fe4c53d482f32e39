import type { TopicPartition } from '../model/positions.ts'

/** Names may repeat and order is kept; a name is never null, a value may be. */
export type RecordHeadersInit =
  | { readonly [name: string]: string | Uint8Array }
  | Iterable<readonly [name: string, value: string | Uint8Array | null]>

export interface RecordInput<K, V> {
  /** Records with equal keys go to the same partition, in order. Without a key the partition changes now and then. */
  key?: K | null | undefined
  /** `null` is a tombstone: in a compacted topic it removes the key. */
  value: V | null
  /** Overrides the partitioner. */
  partition?: number | undefined
  /** Milliseconds since 1970; the log's clock unless said. */
  timestamp?: number | undefined
  headers?: RecordHeadersInit | undefined
}

export interface ProducerRecord extends RecordInput<string | Uint8Array, string | Uint8Array> {
  topic: string
}

/** Where a record was written. */
export interface RecordMetadata extends TopicPartition {
  /** -1 when the record is known to be written and its place forgotten: a retry that came more than five batches late. */
  readonly offset: number
  readonly timestamp: number
}
