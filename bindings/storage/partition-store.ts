import type { BackupTarget } from './backup-target.ts'
import type { Task } from './effect.ts'
import type { StoreCapabilities } from './file-store.ts'

/**
 * The port that the engine writes through: sealed batches in, by partition and offset. Two forms stand behind it: files
 * (segments and a journal, log/store/file-partition-store.ts) and rows (a row per batch and the database's own transaction).
 *
 * Durability is asked for in sets: `commit` makes one atomic set durable, over any number of partitions. Only one
 * commit runs at a time; what is appended meanwhile belongs to the next one.
 */
export interface PartitionStore {
  /** What it can do; frozen. */
  readonly capabilities: StoreCapabilities
  /** As of the lock, once it is open: throws when others could hold what this holds. Not there where that can't happen. */
  readonly assertHeld?: (() => void) | undefined
  /** Takes the lock, recovers, and answers what is stored. Called once, first. */
  open(): Task<StoredState>
  /** Makes the place of a new partition; durable with its directory entries when the task ends. */
  create(id: PartitionIdentity): Task<void>
  /** Removes a dead partition's data; durable when the task ends. A partition that is gone already is fine. */
  remove(id: PartitionIdentity): Task<void>
  /** Whether `append` and a commit's decisions can come now; if not, run `activate` first. Reads need none. */
  isActive(id: PartitionIdentity): boolean
  /** Opens what a partition's appends need. */
  activate(id: PartitionIdentity): Task<void>
  /**
   * Hands one sealed batch to the store, synchronously. Survives the process once it returns; with `mayWait`, which is for
   * batches that nobody counts on before they are durable, not before the next commit that has its partition. False, with nothing appended: the partition needs another `activate` first (a new segment). Throws STORAGE_FULL or
   * KAFKA_STORAGE_ERROR with nothing appended.
   */
  append(id: PartitionIdentity, batch: SealedBatch, mayWait: boolean): boolean
  /**
   * Copies whole batches, from the one that holds `offset` (or the next after a gap) on, until `into` is full; at least
   * one, if it fits. Answers the bytes copied, 0 at the end; minus the size of the first batch when that alone doesn't fit.
   * Only batches whose bytes `append` or `commit` placed are seen. `undefined`: not in reach now, run `prepareRead`.
   */
  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined
  /** Brings the batch at `offset` in reach; with `abortedUpTo` the aborted transactions from there to before it too. */
  prepareRead(id: PartitionIdentity, offset: number, abortedUpTo?: number): Task<void>
  /**
   * Aborted transactions with records from `fromOffset` to before `upToOffset`, in the order of their markers.
   * `undefined`: not in reach now, run `prepareRead`.
   */
  abortedBetween(
    id: PartitionIdentity,
    fromOffset: number,
    upToOffset: number,
  ): readonly AbortedTransaction[] | undefined
  /** Offset of a batch at or before the first record whose timestamp is at or above `timestamp`; `undefined` if none. */
  seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined>
  /** What stands of a partition, oldest first, in the pieces in which it can be removed; the last one is appended to. */
  ranges(id: PartitionIdentity): readonly StoredRange[]
  /** What is appended from now on begins a new range, so that the last one can be removed: `activate` comes first then. */
  seal(id: PartitionIdentity): void
  /**
   * One step of removing whole batches below `offset`, a log start whose decision is committed by then; small enough for
   * commits beside it. Never beside `maintenance`. What readers may still reach stays readable. A `close` removes what is left.
   */
  deleteBefore(id: PartitionIdentity, offset: number): Task<Removal>
  /** What compaction may look at now. */
  compactable(id: PartitionIdentity): Compactable
  /**
   * Begins to replace the batches of some of the `compactable` segments that follow each other, from the first one's
   * `baseOffset` to the last one's `nextOffset`. One at a time for each partition.
   */
  rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite>
  /** A pass of compaction ended: below `offset` no key has an older record. Kept with what the store notes of the partition. */
  cleaned(id: PartitionIdentity, offset: number): Task<void>
  /** Where the batch with this offset lies, for messages. */
  locate(id: PartitionIdentity, offset: number): { readonly file: string; readonly position: number } | undefined
  /**
   * False while the store waits for background work to make room for a commit whose decisions take about that many
   * bytes: hold it until `maintenance` ends.
   */
  canCommit(decisionBytes: number): boolean
  /** Decisions of one commit may not take more. */
  readonly decisionBytesMax: number
  /** See CommitSet. Ends when the set is durable and its decisions are placed. */
  commit(set: CommitSet): Task<void>
  /** Whether `writeOut` has something to do, of this partition or of any. Without it nothing ever waits beyond the commit that has it. */
  hasUnwritten?(id?: PartitionIdentity): boolean
  /**
   * Batches that are kept in memory to be written with later ones go where others read them, those of these partitions or all: run it when
   * no commit follows.
   */
  writeOut?(of?: readonly PartitionIdentity[]): Task<void>
  /** Whether `maintenance` has something to do. */
  maintenanceIsDue(): boolean
  /** Background work that is due (checkpoint, ring growth): run it beside commits. `undefined` when there is none. */
  maintenance(): Task<void> | undefined
  /**
   * A copy of its files as of one moment between two commits, beside everything else; of a store without files there is none.
   * Its moment comes behind the next `maintenance`. Ends with the error that the log failed with, or LOG_CLOSED.
   */
  backup?(target: BackupTarget): Task<void>
  /** A backup has little left to copy: until it ends nothing begins that takes stored batches away, unless the log closes. */
  backupNeedsFiles?(): boolean
  /** `close` comes soon: what is under way waits no longer than a second for files that the rest of the process has open. */
  closing?(): void
  /** After a last commit: leaves everything so that the next open is clean. */
  close(): Task<void>
  /** After a failure: writes nothing, gives back lock and files. */
  abandon(): Task<void>
}

/** Batches of one partition that are removed together. */
export interface StoredRange {
  /** Of its first batch. */
  readonly baseOffset: number
  /** After its last batch. */
  readonly nextOffset: number
  /** Of its batches. */
  readonly sizeBytes: number
  /** The greatest of its records, milliseconds since 1970; -1 where none has one. */
  readonly maxTimestamp: number
}

/** `more`: there is more to remove; `later`: what is left waits for maintenance, which is due then, or a commit; `done`: nothing is left. */
export type Removal = 'done' | 'more' | 'later'

/** The part of a partition that compaction may work on, and how far it came. */
export interface Compactable {
  /** Where the next pass has to look for newer records from. */
  readonly cleanedOffset: number
  /**
   * In offset order, what neither appends nor a recovery touch any more: below the newest durable checkpoint, behind which
   * frames may still be replayed, and not the segment that takes appends.
   */
  readonly segments: readonly CompactableSegment[]
}

/** One of them. */
export interface CompactableSegment {
  /** Of its first record, once it was written. */
  readonly baseOffset: number
  /** After its last record. */
  readonly nextOffset: number
  /** Of its batches. */
  readonly sizeBytes: number
  /** The greatest of its first batch, milliseconds since 1970; -1 if not known. */
  readonly firstTimestamp: number
  /** The greatest of its records, milliseconds since 1970. */
  readonly maxTimestamp: number
}

/** The batches that stay of a part of a partition. Until `commit` nobody sees them; an end without it leaves what was. */
export interface Rewrite {
  /** In offset order; the last one ends where the replaced part does. Throws STORAGE_FULL. */
  append(batch: SealedBatch): void
  /**
   * They take the place of what stands there, all at once: a crash leaves one or the other. False, and nothing has changed,
   * when the part isn't there any more as it was.
   */
  exchange(): Task<boolean>
  /** Nothing of it is left. */
  abandon(): Task<void>
}

/** The catalogue gives each incarnation of a topic its own id (16 bytes as Kafka's 22 characters of base64url). */
export interface PartitionIdentity {
  /** Of this incarnation; names come again, ids don't. */
  readonly topicId: string
  /** The topic's name. */
  readonly topic: string
  /** From 0. */
  readonly partition: number
}

/** One record batch (Kafka's format, version 2), ready to be stored. */
export interface SealedBatch {
  /** The batch's bytes, header included; a view that is valid during the call only. */
  readonly bytes: Uint8Array
  /** Of its first record. */
  readonly baseOffset: number
  /** After its last record. */
  readonly nextOffset: number
  /** Of its records, milliseconds since 1970. */
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
  /** Batches that count only from then on. */
  readonly decisions: readonly Decision[]
  /** Ceilings that are raised. */
  readonly ceilings: readonly Ceiling[]
  /** Ids below this one may be handed out once the commit is durable. */
  readonly producerIdsEnd: number | undefined
}

/** A batch of a coordinator's topic, or a marker. */
export interface Decision extends SealedBatch {
  /** Where it goes. */
  readonly id: PartitionIdentity
  /**
   * Called once, in the same moment in which the store counts the batch as placed: what `PartitionSource` tells changes
   * with it. Answers the transaction that the batch aborts.
   */
  readonly placed?: (() => AbortedTransaction | undefined) | undefined
}

/** A transaction that was aborted, as far as one partition saw it. */
export interface AbortedTransaction {
  /** Whose it was. */
  readonly producerId: number
  /** Of its first record here. */
  readonly firstOffset: number
  /** Of the abort marker. */
  readonly lastOffset: number
  /** Below it every transaction was decided, once this one was: the first offset of another open one, or after the marker. */
  readonly lastStableOffset: number
}

/** A durable bound of the offsets that readers may have seen (durability rule 5). */
export interface Ceiling {
  /** Of which partition. */
  readonly id: PartitionIdentity
  /** No offset at or above it has been shown to a reader unless it was durable. */
  readonly ceiling: number
}

/** What the store can't see in the bytes and the engine tells it, as of the call: for checkpoints and snapshots. */
export interface PartitionSource {
  /** Windows of the partition's producers. */
  producers(id: PartitionIdentity): Iterable<StoredProducer>
  /** Of its first record that is kept. */
  logStartOffset(id: PartitionIdentity): number
  /** The last one that was committed; 0 if none was. */
  ceiling(id: PartitionIdentity): number
  /** As its topic is configured. */
  segmentConfig(id: PartitionIdentity): SegmentConfig
  /** Copies the batches between two offsets out of memory; false, with nothing said of `into`, if they aren't there. */
  copyTail(id: PartitionIdentity, baseOffset: number, nextOffset: number, into: Uint8Array): boolean
}

/** When a partition goes on in a new segment, and how dense its indexes are: Kafka's segment.* and index.* keys. */
export interface SegmentConfig {
  /** segment.bytes */
  readonly segmentBytes: number
  /** segment.ms */
  readonly segmentMs: number
  /** segment.index.bytes */
  readonly segmentIndexBytes: number
  /** index.interval.bytes */
  readonly indexIntervalBytes: number
}

/** What a partition remembers of one producer, so that a retry is known. */
export interface StoredProducer {
  /** Never given twice. */
  readonly producerId: number
  /** Of its last batch. */
  readonly producerEpoch: number
  /** Of the coordinator that wrote its last marker; -1 if there is none. */
  readonly coordinatorEpoch: number
  /** Of what it has open here; -1 if it has nothing open. */
  readonly currentTransactionFirstOffset: number
  /** Oldest first, at most five (durability rule 4: all of them). */
  readonly batches: readonly StoredProducerBatch[]
}

/** One of a producer's last batches. */
export interface StoredProducerBatch {
  /** Of its first record. */
  readonly firstSequence: number
  /** Of its last record. */
  readonly lastSequence: number
  /** Of its first record. */
  readonly baseOffset: number
  /** Of its last record. */
  readonly lastOffset: number
  /** The greatest of its records, milliseconds since 1970. */
  readonly timestamp: number
}

/** A partition as an open found it. */
export interface StoredPartition {
  /** Which one. */
  readonly id: PartitionIdentity
  /** Of its first record that is kept. */
  readonly logStartOffset: number
  /** Where the next record goes: the end of what is stored, or the ceiling after an unclean end. */
  readonly nextOffset: number
  /** The last one that was committed; 0 if none was. */
  readonly ceiling: number
  /** The recovered windows, complete up to the end. */
  readonly producers: readonly StoredProducer[]
  /** The greatest of its records, milliseconds since 1970; -1 without records. */
  readonly maxTimestamp: number
  /** It was found damaged: nothing is appended to it. */
  readonly readOnly: boolean
  /** Where, as the open that found it met it first. */
  readonly damage?: Damage | undefined
}

/** What a store holds when it opens. */
export interface StoredState {
  /** All of them, the log's own ones included. */
  readonly partitions: readonly StoredPartition[]
  /** One counter for the whole log; every unclean open raises it (durability rule 5). */
  readonly leaderEpoch: number
  /** From here on none was handed out. */
  readonly nextProducerId: number
  /** For `log.recovery`. */
  readonly report: RecoveryReport
}

/** One place where stored bytes are not what they must be. */
export interface Damage {
  /** Relative to the log's directory. */
  readonly file: string
  /** In bytes from the start of the file. */
  readonly position: number
  /** Of the partition whose file it is; `undefined` for files of the log itself, as below. */
  readonly topic: string | undefined
  /** From 0. */
  readonly partition: number | undefined
  /** The first record that can't be read, where that is known. */
  readonly offset: number | undefined
  /** A code of the error table, a batch fault, or in words what is wrong with the file. */
  readonly code: string
}

/** A partition that takes no records. */
export interface ReadOnlyPartition {
  /** By name. */
  readonly topic: string
  /** From 0. */
  readonly partition: number
  /** Where the open that found it met it first; not there where it is the log that is damaged, or an older oncelog found it. */
  readonly damage?: Damage | undefined
}

/** What opening a log found and did. */
export interface RecoveryReport {
  /** The log was closed properly: nothing had to be recovered. */
  readonly clean: boolean
  /** Journal frames that the last checkpoint didn't cover. */
  readonly replayedFrames: number
  /** Batches of frames that belong to deleted topics or lie below a log start. */
  readonly skippedBatches: number
  /** What a torn write left behind the last whole batch: never acknowledged, kept aside all the same. */
  readonly setAsideBytes: number
  /** Where it was put, relative to the log's directory. */
  readonly setAsideFiles: readonly string[]
  /** Empty for a log that is whole. */
  readonly damage: readonly Damage[]
  /** Partitions that take no records (LOG_READ_ONLY) because of damage, whichever open found it. */
  readonly readOnly: readonly ReadOnlyPartition[]
  /** Every partition, the log's own ones included, and the offset that its next record gets. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly endOffset: number }[]
}
