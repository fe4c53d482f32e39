/** `null` is Kafka's null key or value (a tombstone). Strings are written as UTF-8. */
export type RecordBytes = Uint8Array | string | null

/** Order is kept and names may repeat, as in Kafka; a name is never null, a value may be. */
export type HeaderList = readonly (readonly [name: string, value: Uint8Array | string | null])[]

/** A record whose key and value are bytes already: what a producer hands to a session. */
export interface EncodedRecord {
  /** Null unless said. */
  readonly key?: RecordBytes | undefined
  readonly value: RecordBytes
  /** Milliseconds since 1970; the log's clock at the append unless said. */
  readonly timestamp?: number | undefined
  readonly headers?: HeaderList | undefined
}

/** Attribute bits of a record batch. Source: Kafka's DefaultRecordBatch. */
/** Every record's time is the batch's greatest: when the log appended it. */
export const ATTRIBUTE_APPEND_TIME = 0x08
export const ATTRIBUTE_TRANSACTIONAL = 0x10
export const ATTRIBUTE_CONTROL = 0x20

/** An int16 in a batch's header. */
export const PRODUCER_EPOCH_MAX = 32_767
