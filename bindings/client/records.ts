import type { Position, TopicPartition } from '../model/positions.ts'
import type { Topic, TopicRef } from './topic/topic.ts'

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

export interface RecordHeaders extends Iterable<readonly [name: string, value: Uint8Array | null]> {
  /** The last value of that name, as Kafka's `lastHeader`; `undefined` without one. */
  get(name: string): Uint8Array | null | undefined
  getAll(name: string): readonly (Uint8Array | null)[]
}

/**
 * A record as it is read. Key and value are decoded when they are asked for, and own their bytes: one that can't be
 * decoded throws RECORD_DESERIALIZATION with its place there, so that it can't wedge a loop.
 */
export interface ConsumerRecord<Name extends string = string, K = Uint8Array, V = Uint8Array> extends RecordMetadata {
  readonly topic: Name
  readonly key: K | null
  readonly value: V | null
  readonly headers: RecordHeaders
}

export type RecordOf<T extends TopicRef> =
  // biome-ignore lint/suspicious/noExplicitAny: the input side of a topic's codecs doesn't matter to a reader.
  T extends Topic<infer N, any, infer K, any, infer V>
    ? ConsumerRecord<N, K, V>
    : T extends string
      ? ConsumerRecord<T>
      : never

/** Records of one partition, in offset order. It can be committed as a whole: it is a Position, the one after it. */
export interface RecordBatch<T extends TopicRef = string> extends Position, Iterable<RecordOf<T>> {
  readonly topic: RecordOf<T>['topic']
  readonly baseOffset: number
  readonly size: number
  /** Of the group when the batch was delivered: store it beside the position to fence a member that was expelled. */
  readonly generation: number
}

export type BatchOf<T extends TopicRef> = T extends TopicRef ? RecordBatch<T> : never
