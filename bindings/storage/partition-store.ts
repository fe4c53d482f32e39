import type { BackupTarget } from './backup-target.ts'
import type { Task } from './effect.ts'
import type { StoreCapabilities } from './file-store.ts'
import type { PartitionIdentity } from './partition-identity.ts'
import type { StoredState } from './stored-state.ts'

/**
 * The port that the engine writes through: sealed batches in, by partition and offset. Two forms stand behind it: files
 * (segments and a journal, log/store/file-partition-store.ts) and rows (a row per batch and the database's own
 * transaction).
 *
 * Durability is asked for in sets: `commit` makes one atomic set durable, over any number of partitions. Only one
 * commit runs at a time; what is appended meanwhile belongs to the next one.
 */
export interface PartitionStore {
  /** What the store can do; frozen. */
  readonly capabilities: StoreCapabilities
  /**
   * As StoreLock.assertHeld, once the store is open: throws if others could hold what this store holds. Left out where
   * that can't happen.
   */
  readonly assertHeld?: (() => void) | undefined
  /** Throws LOG_READ_ONLY where `open` found that nothing may be written. Left out where that can't happen. */
  assertWritable?(): void
  /** Takes the lock, recovers, and returns what is stored. Called once, first. */
  open(): Task<StoredState>
  /** Makes a new partition; durable with its directory entries when the task ends. */
  create(id: PartitionIdentity): Task<void>
  /**
   * Removes a deleted partition's data; durable when the task ends. Does nothing for a partition that is gone already.
   */
  remove(id: PartitionIdentity): Task<void>
  /** Whether `append` and a commit's decisions may come now; if not, run `activate` first. Reads don't need it. */
  isActive(id: PartitionIdentity): boolean
  /** Opens what a partition's appends need. */
  activate(id: PartitionIdentity): Task<void>
  /**
   * Hands one sealed batch to the store, synchronously. Once it returns the batch survives the process. With `mayWait`
   * it may survive only from the next commit on that has its partition: that is for batches that nobody counts on
   * before they are durable. False, with nothing appended: run `activate` again first (for a new segment). Throws
   * STORAGE_FULL or KAFKA_STORAGE_ERROR with nothing appended.
   */
  append(id: PartitionIdentity, batch: SealedBatch, mayWait: boolean): boolean
  /**
   * Copies whole batches, from the one that holds `offset` (or the next one after a gap) on, until `into` is full; at
   * least one, if it fits. Returns the bytes copied, and 0 at the end; if the first batch alone doesn't fit, minus its
   * size. Only batches that `append` or `commit` has placed are seen. `undefined` if they aren't loaded: run
   * `prepareRead`.
   */
  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined
  /**
   * Loads what a `read` of the batch at `offset` needs; with `abortedUpTo` also the aborted transactions from there to
   * before it.
   */
  prepareRead(id: PartitionIdentity, offset: number, abortedUpTo?: number): Task<void>
  /**
   * Aborted transactions with records from `fromOffset` to before `upToOffset`, in the order of their markers.
   * `undefined` if they aren't loaded: run `prepareRead`.
   */
  abortedBetween(
    id: PartitionIdentity,
    fromOffset: number,
    upToOffset: number,
  ): readonly AbortedTransaction[] | undefined
  /**
   * Offset of a batch at or before the first record whose timestamp is at or above `timestamp`; `undefined` if there is
   * none.
   */
  seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined>
  /**
   * The batches of a partition, oldest first, in the pieces in which they can be removed. Appends go to the last one.
   */
  ranges(id: PartitionIdentity): readonly StoredRange[]
  /**
   * Makes the next append begin a new range, so that the last one can be removed; `activate` must come before that
   * append.
   */
  seal(id: PartitionIdentity): void
  /**
   * One step of removing whole batches below `offset`, a log start whose decision is committed. It is small enough to
   * run beside commits; it never runs beside `maintenance`. What readers may still reach stays readable. `close`
   * removes what is left.
   */
  deleteBefore(id: PartitionIdentity, offset: number): Task<Removal>
  /** The segments that compaction may work on now. */
  compactable(id: PartitionIdentity): Compactable
  /**
   * Begins to replace the batches of some neighbouring `compactable` segments, from the first one's `baseOffset` to the
   * last one's `nextOffset`. One at a time for each partition.
   */
  rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite>
  /**
   * A pass of compaction ended: below `offset` every key has one record at most. The store keeps the offset with what
   * it notes of the partition.
   */
  cleaned(id: PartitionIdentity, offset: number): Task<void>
  /** Where the batch with this offset lies, for error messages. */
  locate(id: PartitionIdentity, offset: number): { readonly file: string; readonly position: number } | undefined
  /**
   * False while the store waits for background work to make room for a commit whose decisions take about that many
   * bytes: hold it until `maintenance` ends.
   */
  canCommit(decisionBytes: number): boolean
  /** Most bytes that the decisions of one commit may take. */
  readonly decisionBytesMax: number
  /**
   * Makes a set durable (see CommitSet). Ends when it is and its decisions are placed. If it fails nobody knows what is
   * durable: the log ends, and nothing but `abandon` follows.
   */
  commit(set: CommitSet): Task<void>
  /**
   * Whether `writeOut` has something to do, for this partition or for any. A store without it writes each batch at the
   * latest with the commit that has it.
   */
  hasUnwritten?(id?: PartitionIdentity): boolean
  /**
   * Writes batches that were kept in memory to be written with later ones, of these partitions or of all, to where
   * others read them. To be run when no commit follows.
   */
  writeOut?(of?: readonly PartitionIdentity[]): Task<void>
  /** Whether `maintenance` has something to do. */
  maintenanceIsDue(): boolean
  /**
   * Background work that is due (checkpoint, growth of the ring), to be run beside commits; `undefined` if there is
   * none.
   */
  maintenance(): Task<void> | undefined
  /**
   * Copies the store's files as of one moment between two commits, beside everything else. The moment comes after the
   * next `maintenance`. Ends with the error that ended the log, or LOG_CLOSED. Left out by a store without files.
   */
  backup?(target: BackupTarget): Task<void>
  /**
   * Whether a backup has little left to copy: until it ends, nothing may begin that removes stored batches, unless the
   * log closes.
   */
  backupNeedsFiles?(): boolean
  /** `close` comes soon: from now on tasks wait at most a second for descriptors that the rest of the process holds. */
  closing?(): void
  /** Called after the last commit: leaves everything so that the next open is clean. */
  close(): Task<void>
  /** Called after a failure: writes nothing, releases lock and files. */
  abandon(): Task<void>
}

/** Batches of one partition that are removed together. */
export interface StoredRange {
  /** Offset of its first batch. */
  readonly baseOffset: number
  /** The offset after its last batch. */
  readonly nextOffset: number
  /** Size of its batches. */
  readonly sizeBytes: number
  /** Greatest timestamp of its records, in milliseconds since 1970; -1 if none has one. */
  readonly maxTimestamp: number
}

/**
 * `done`: nothing is left to remove. `more`: run another step. `later`: what is left waits for maintenance, which is
 * due then, or for a commit.
 */
export type Removal = 'done' | 'more' | 'later'

/** The part of a partition that compaction may work on, and how far it has come. */
export interface Compactable {
  /** Every record below it was looked at by a pass: the next one looks for newer keys from here on. */
  readonly cleanedOffset: number
  /**
   * In offset order, the segments that neither appends nor a recovery touch any more: those below the newest durable
   * checkpoint (frames after it may still be replayed), without the one that takes appends.
   */
  readonly segments: readonly CompactableSegment[]
}

/** A segment that compaction may rewrite. */
export interface CompactableSegment {
  /** Offset of its first record, as it was written. */
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly nextOffset: number
  /** Size of its batches. */
  readonly sizeBytes: number
  /** Greatest timestamp of its first batch, in milliseconds since 1970; -1 if it isn't known. */
  readonly firstTimestamp: number
  /** Greatest timestamp of its records, in milliseconds since 1970. */
  readonly maxTimestamp: number
}

/**
 * Takes those batches of a part of a partition that stay. Nobody sees them before `exchange`; if it ends without that,
 * the old ones stay.
 */
export interface Rewrite {
  /** Takes a batch, in offset order; the last one must end where the replaced part does. Throws STORAGE_FULL. */
  append(batch: SealedBatch): void
  /**
   * Puts the batches in the place of the old ones, all at once: after a crash either these or those are there. False,
   * with nothing changed, if the part isn't there any more as it was.
   */
  exchange(): Task<boolean>
  /** Drops the batches; nothing of them is left. */
  abandon(): Task<void>
}

/** One record batch (Kafka's format, version 2), ready to be stored. */
export interface SealedBatch {
  /** The batch's bytes, header included: a view that is valid during the call only. */
  readonly bytes: Uint8Array
  /** Offset of its first record. */
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly nextOffset: number
  /** Greatest timestamp of its records, in milliseconds since 1970. */
  readonly maxTimestamp: number
}

/**
 * What becomes durable together, or not at all:
 * - of each partition in `durable`, everything appended so far (the prefix promise);
 * - `decisions`: batches of coordinator topics (committed offsets, catalogue, transactions) and markers. They reach
 *   readers and their segment only with this commit (durability rule 3); their offsets continue the partition's end;
 * - `ceilings` and `producerIdsEnd`: promises about offsets and ids that may be handed out (rules 5 and 8).
 */
export interface CommitSet {
  /** Partitions whose batches so far become durable. */
  readonly durable: readonly PartitionIdentity[]
  /** Batches that nobody sees before the commit. */
  readonly decisions: readonly Decision[]
  /** Ceilings that are raised. */
  readonly ceilings: readonly Ceiling[]
  /** Ids below this one may be handed out once the commit is durable. */
  readonly producerIdsEnd: number | undefined
}

/** A batch of a coordinator's topic, or a marker. */
export interface Decision extends SealedBatch {
  /** The partition that it goes to. */
  readonly id: PartitionIdentity
  /**
   * Called once, at the moment at which the store counts the batch as placed: what `PartitionSource` answers changes
   * with it. Returns the transaction that the batch aborts.
   */
  readonly placed?: (() => AbortedTransaction | undefined) | undefined
}

/** A transaction that was aborted, as far as one partition saw it. */
export interface AbortedTransaction {
  /** The producer whose transaction it was. */
  readonly producerId: number
  /** Offset of its first record in the partition. */
  readonly firstOffset: number
  /** Offset of the abort marker. */
  readonly lastOffset: number
  /**
   * The last stable offset once this transaction was aborted: the first offset of another open one, or the offset after
   * the marker.
   */
  readonly lastStableOffset: number
}

/** A durable upper bound of the offsets that readers may have seen (durability rule 5). */
export interface Ceiling {
  /** The partition. */
  readonly id: PartitionIdentity
  /** No offset at or above it has been shown to a reader unless it was durable. */
  readonly ceiling: number
}
