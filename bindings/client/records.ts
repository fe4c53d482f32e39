import type { Position } from '../model/positions.ts'
import type { RecordMetadata } from './producer-record.ts'
import type { Topic, TopicRef } from './topic/topic.ts'

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
