import type { LentMemory } from '../model/batch-memory.ts'
import type { IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
import type { TopicFacts } from './topic-facts.ts'

/**
 * Records of one batch that own their bytes, unless the fetch lent it memory. Accessors make views of the bytes, for
 * each record and on demand.
 */
export interface FetchedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly recordCount: number
  offsetOf(index: number): number
  timestampOf(index: number): number
  keyOf(index: number): Uint8Array<ArrayBuffer> | null
  valueOf(index: number): Uint8Array<ArrayBuffer> | null
  headersOf(index: number): readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[]
}

/** A whole batch, which can be sent to another process as it lies in memory. */
export interface WholeBatch extends FetchedBatch {
  /** Size of the batch without compression. */
  readonly plainBytes: number
  /** Writes its record table (`model/decoded-records.ts`) and, after it, its bytes. */
  pack(words: Int32Array<ArrayBuffer>, at: number): void
}

/** A position, and in which topic of that name: one that is deleted and created again has other records. */
export interface TopicPosition extends Position {
  /** UNKNOWN_TOPIC_ID if another topic has the name by now. Without it, whichever topic has the name is meant. */
  readonly topicId?: string | undefined
}

/**
 * What a reader keeps with the log from fetch to fetch (Kafka's fetch sessions, KIP-227): `positions` are those that it
 * asks for anew, because they moved or were answered. One of thousands of partitions would name them all for each
 * record.
 */
export interface FetchChanges {
  /** Nothing is kept of what it asked for before. */
  readonly isFull: boolean
  /** What it doesn't ask for any more. */
  readonly forgotten: readonly TopicPartition[]
}

export interface FetchRequest {
  /** In each partition one. */
  readonly positions: readonly TopicPosition[]
  /** Missing where nothing is kept. */
  readonly changes?: FetchChanges | undefined
  readonly isolationLevel: IsolationLevel
  /** Soft limit: at least one batch comes if there is one. */
  readonly maxBytes: number
  /** Resolve only when there is something to deliver, a position moved, or the session was woken or closed. */
  readonly wait: boolean
  /** How many partitions the reader believes its one topic to have: resolves at once when there are others. */
  readonly knownPartitions?: number | undefined
  /**
   * Batches may lie in this memory instead of owning their bytes: this fetch and the next one write over what is in it.
   */
  readonly memory?: LentMemory | undefined
}

export interface FetchedPartition extends TopicPartition {
  /** In offset order; the first may start below the asked offset (skip its earlier records), as in Kafka. */
  readonly batches: readonly WholeBatch[]
  /** Where to read next: past what was delivered and past what readers never see. */
  readonly nextOffset: number
  readonly logStartOffset: number
  /** Last stable offset for read_committed, high watermark else. */
  readonly endOffset: number
  /**
   * The partition's error, then without batches: OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC_OR_PARTITION,
   * UNKNOWN_TOPIC_ID.
   */
  readonly error: Error | undefined
}

export interface ReaderSession {
  topic(name: string): TopicFacts | Promise<TopicFacts>
  /** As in ProducerSession. */
  topicNow?(name: string): Promise<TopicFacts>
  /**
   * The answer keeps the order of the positions, and where they are kept, that in which they were asked for. One that
   * may wait, or keeps them, names only partitions that have something: records, a position that moved, an error. A
   * reader of thousands of partitions mostly gets something of one.
   */
  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]>
  /** Ends a waiting fetch at once, with what there is (maybe nothing). */
  wake(): void
  close(): Promise<void>
}
