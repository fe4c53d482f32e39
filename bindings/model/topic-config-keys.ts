/** What makes room in a topic (`cleanup.policy`). */
export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
/** Whose time a record has (`message.timestamp.type`). */
export type TimestampType = 'CreateTime' | 'LogAppendTime'
/** How a topic's batches are compressed (`compression.type`). */
export type TopicCompression = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/**
 * Kafka's keys, so that editors offer them with what they mean. Numbers may come as text, as Kafka's tools give them.
 * A value that is out of range compiles, and is refused when it is given.
 */
export interface TopicConfigKeys {
  /**
   * Default `delete`: old records go as `retention.ms` and `retention.bytes` say. `compact`: the newest record of
   * each key stays, every record needs a key, and retention takes none. `compact,delete`: both.
   */
  readonly 'cleanup.policy'?: CleanupPolicy | (string & {})
  /** How long a record is kept, by its own time, in ms. Default 604800000, a week; -1: for ever. */
  readonly 'retention.ms'?: number | string
  /** How many bytes of each partition are kept. Default -1: all. */
  readonly 'retention.bytes'?: number | string
  /**
   * Bytes of a file of a partition, at least 14. Default 1073741824, 1 GiB. Retention removes whole files, and
   * compaction leaves the newest alone: a small topic that is to be cleaned needs less.
   */
  readonly 'segment.bytes'?: number | string
  /** After this many ms between the records of a segment a new one begins. Default 604800000, a week. */
  readonly 'segment.ms'?: number | string
  /** Most bytes of an index; a full one begins a segment. Default 10485760, 10 MiB. */
  readonly 'segment.index.bytes'?: number | string
  /** Bytes of batches between two entries of an index. Default 4096. */
  readonly 'index.interval.bytes'?: number | string
  /** Most bytes of a batch, as it is written. Default 1048588; more than 128 MiB count as these. */
  readonly 'max.message.bytes'?: number | string
  /** Default `producer`: as each producer chose. Else all of them so, whatever they chose. */
  readonly 'compression.type'?: TopicCompression | (string & {})
  /** Default `CreateTime`: the record's own time. `LogAppendTime`: that of its append. */
  readonly 'message.timestamp.type'?: TimestampType | (string & {})
  /** How many ms a record's own time may lie behind the clock. Default 9007199254740991. */
  readonly 'message.timestamp.before.max.ms'?: number | string
  /** How many ms a record's own time may lie ahead of the clock. Default 3600000, an hour. */
  readonly 'message.timestamp.after.max.ms'?: number | string
  /** Compaction begins when more than this share of the bytes is new, from 0 to 1. Default 0.5. */
  readonly 'min.cleanable.dirty.ratio'?: number | string
  /** For how many ms compaction leaves a record alone. Default 0. */
  readonly 'min.compaction.lag.ms'?: number | string
  /** After how many ms a record is compacted, whatever the share. Default 9007199254740991. */
  readonly 'max.compaction.lag.ms'?: number | string
  /** How many ms compaction keeps a tombstone, so that readers see the deletion. Default 86400000, a day. */
  readonly 'delete.retention.ms'?: number | string
}
