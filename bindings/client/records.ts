import type { Position } from '../model/positions.ts'
import type { RecordMetadata } from './producer-record.ts'
import type { Topic, TopicRef } from './topic/topic.ts'

/** A record's headers in their order; names may repeat. Iterate it for pairs of name and value. */
export interface RecordHeaders extends Iterable<readonly [name: string, value: Uint8Array<ArrayBuffer> | null]> {
  /** The last value of that name, as Kafka's `lastHeader`; `undefined` if there is none. */
  get(name: string): Uint8Array<ArrayBuffer> | null | undefined
  /** All values of that name, in order; empty if there is none. */
  getAll(name: string): readonly (Uint8Array<ArrayBuffer> | null)[]
}

/**
 * A record that was read. Key and value are decoded when they are first asked for. If one can't be decoded, it throws
 * RECORD_DESERIALIZATION, with its place, at that moment, so that a loop can go on. They own their bytes unless the
 * batch is borrowed; but records share buffers, other readers' too, so transfer none to a thread: copy the value first
 * (`value.slice()`). `JSON.stringify` writes all fields, headers as a list of pairs, and `console.log` shows them; but
 * a copy by spread or structuredClone has only topic, partition and offset, whatever its type says: name the other
 * fields that it is to have.
 */
export interface ConsumerRecord<Name extends string = string, K = Uint8Array<ArrayBuffer>, V = Uint8Array<ArrayBuffer>>
  extends RecordMetadata {
  /** The topic's name. It tells records of several topics apart and narrows their types. */
  readonly topic: Name
  /** Its offset in its partition. */
  readonly offset: number
  /** The key as the topic's key codec decodes it; bytes if the topic is given by name. `null` without a key. */
  readonly key: K | null
  /** The value as the topic's value codec decodes it; bytes if the topic is given by name. `null` for a tombstone. */
  readonly value: V | null
  /** The headers, in the order in which the producer gave them. */
  readonly headers: RecordHeaders
}

/** The type of the records of a topic; for a union of topics, the union of their records. */
export type RecordOf<T extends TopicRef> =
  // biome-ignore lint/suspicious/noExplicitAny: the input side of a topic's codecs doesn't matter to a reader.
  T extends Topic<infer N, any, infer K, any, infer V>
    ? ConsumerRecord<N, K, V>
    : T extends string
      ? ConsumerRecord<T>
      : never

/**
 * Records of one partition, in offset order. A batch is also a Position, the one after its last record, so `commit`
 * takes it as a whole.
 */
export interface RecordBatch<T extends TopicRef = string> extends Position, Iterable<RecordOf<T>> {
  /** Name of the topic that all its records are of. */
  readonly topic: RecordOf<T>['topic']
  /** Offset of the first record. */
  readonly baseOffset: number
  /** Number of records, at least one. Offsets may have gaps, so it isn't `nextOffset - baseOffset`. */
  readonly size: number
  /**
   * Generation of the group when the batch was delivered; -1 outside groups. A program that keeps positions in its own
   * database stores it beside them, to fence a member that was put out of the group.
   */
  readonly generation: number
}

/** The type of the batches of a topic; for a union of topics, the union of their batches. */
export type BatchOf<T extends TopicRef> = T extends TopicRef ? RecordBatch<T> : never
