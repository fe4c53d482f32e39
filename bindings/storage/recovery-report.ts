/** One place where stored bytes are not what they must be. */
export interface Damage {
  /** The damaged file, relative to the log's directory. */
  readonly file: string
  /** In bytes from the start of the file. */
  readonly position: number
  /** The topic whose partition the file belongs to; `undefined`, as `partition` is, for files of the log itself. */
  readonly topic: string | undefined
  /** The partition's number, from 0. */
  readonly partition: number | undefined
  /** The first record that can't be read, if that is known. */
  readonly offset: number | undefined
  /** A code of the error table, the fault of a batch, or in words what is wrong with the file. */
  readonly code: string
}

/** A partition that takes no records. */
export interface ReadOnlyPartition {
  /** The topic's name. */
  readonly topic: string
  /** The partition's number, from 0. */
  readonly partition: number
  /**
   * The first damage that was found in it, and where. Missing if the log itself is damaged, or if an older oncelog
   * found it.
   */
  readonly damage?: Damage | undefined
}

/** What opening a log found and did. */
export interface RecoveryReport {
  /** Whether the log had been closed properly, so that nothing had to be recovered. */
  readonly clean: boolean
  /** Journal frames that the last checkpoint didn't cover. */
  readonly replayedFrames: number
  /** Batches of frames that belong to deleted topics or lie below a log start. */
  readonly skippedBatches: number
  /**
   * Bytes that torn writes left after the last whole batches. They were never acknowledged, but are kept: the newest
   * sixteen files of them, up to 64 MiB.
   */
  readonly setAsideBytes: number
  /** The files that they were put into, relative to the log's directory. */
  readonly setAsideFiles: readonly string[]
  /** Every damaged place; empty if the log is whole. */
  readonly damage: readonly Damage[]
  /** Partitions that take no records (LOG_READ_ONLY) because of damage, whichever open found it. */
  readonly readOnly: readonly ReadOnlyPartition[]
  /**
   * Every partition that has ever had a record, the log's own included, with the offset that its next record gets.
   */
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly endOffset: number }[]
}
