import type { Position } from '../model/positions.ts'
import type { RecordMetadata } from './producer-record.ts'
import type { Topic, TopicRef } from './topic/topic.ts'

/** A record's headers in their order, names possibly repeated; iterate for name and value. */
export interface RecordHeaders extends Iterable<readonly [name: string, value: Uint8Array<ArrayBuffer> | null]> {
  /** The last value of that name, as Kafka's `lastHeader`; `undefined` without one. */
  get(name: string): Uint8Array<ArrayBuffer> | null | undefined
  /** Every value of that name, in order; empty without one. */
  getAll(name: string): readonly (Uint8Array<ArrayBuffer> | null)[]
}

/**
 * A record as it is read. Key and value are decoded when they are asked for, and own their bytes unless the batch is
 * borrowed: one that can't be decoded throws RECORD_DESERIALIZATION with its place there, so that it can't wedge a loop.
 */
export interface ConsumerRecord<Name extends string = string, K = Uint8Array<ArrayBuffer>, V = Uint8Array<ArrayBuffer>>
  extends RecordMetadata {
  /** Tells records of several topics apart, and narrows their types. */
  readonly topic: Name
  /** Decoded by the topic's key codec; bytes where the topic is named by a string. */
  readonly key: K | null
  /** Decoded by the topic's value codec; bytes where the topic is named by a string. */
  readonly value: V | null
  /** In the order of the producer. */
  readonly headers: RecordHeaders
}

/** The record that reading a topic gives; of a union of topics, the union of their records. */
export type RecordOf<T extends TopicRef> =
  // biome-ignore lint/suspicious/noExplicitAny: the input side of a topic's codecs doesn't matter to a reader.
  T extends Topic<infer N, any, infer K, any, infer V>
    ? ConsumerRecord<N, K, V>
    : T extends string
      ? ConsumerRecord<T>
      : never

/** Records of one partition, in offset order. It can be committed as a whole: it is a Position, the one after it. */
export interface RecordBatch<T extends TopicRef = string> extends Position, Iterable<RecordOf<T>> {
  /** Of all its records. */
  readonly topic: RecordOf<T>['topic']
  /** Offset of the first record. */
  readonly baseOffset: number
  /** Records in it, at least one. Offsets may have gaps: it isn't `nextOffset - baseOffset`. */
  readonly size: number
  /**
   * Of the group when the batch was delivered, -1 outside groups: store it beside the position to fence a member that was
   * expelled.
   */
  readonly generation: number
}

/** The batch that reading a topic gives; of a union of topics, the union of their batches. */
export type BatchOf<T extends TopicRef> = T extends TopicRef ? RecordBatch<T> : never
