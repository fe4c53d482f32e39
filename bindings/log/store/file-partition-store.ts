import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreCapabilities, StoreLock } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type {
  AbortedTransaction,
  CommitSet,
  Compactable,
  PartitionStore,
  Removal,
  Rewrite,
  SealedBatch,
  StoredRange,
} from '../../storage/partition-store.ts'
import { PAUSE_MS } from '../../storage/sparing-store.ts'
import type { StoredState } from '../../storage/stored-state.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { Journal } from '../journal/journal.ts'
import { UNCHECKED_BYTES } from '../segment/header-checksum.ts'
import type { WriteBuffers } from '../segment/write-buffers.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { Availability } from './availability.ts'
import type { Backups } from './backups.ts'
import type { Checkpoints } from './checkpoints.ts'
import { closeCleanly } from './close-store.ts'
import type { Compactions } from './compactions.ts'
import type { DiskReserve } from './disk-reserve.ts'
import type { FileStoreOptions } from './file-store-options.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Maintenance } from './maintenance.ts'
import { openStore } from './open-store.ts'
import type { PartitionMap } from './partition-map.ts'
import { releaseStore } from './release-store.ts'
import { type RemoveContext, removeBelow } from './remove-segments.ts'
import { StoreParts } from './store-parts.ts'
import { StoredReads } from './stored-reads.ts'

/**
 * A close waits at most a second for descriptors, together with all that was under way when it was called. If it fails
 * nothing acknowledged is lost, since the next open recovers it; and a program that is being stopped seldom gets the
 * half minute that a commit may wait.
 */
const CLOSE_PAUSES_MAX = 1000 / PAUSE_MS

/** Segments and a journal: the PartitionStore over files (docs/durability.md). */
export class FilePartitionStore implements PartitionStore {
  readonly #parts: StoreParts
  readonly #source: PartitionSource
  readonly #partitions: PartitionMap<StoredFiles>
  readonly #writeBuffers: WriteBuffers
  readonly #availability: Availability
  readonly #checkpoints: Checkpoints
  readonly #compactions: Compactions
  readonly #reserve: DiskReserve
  readonly #backups: Backups
  readonly #reads: StoredReads
  #lock: StoreLock | undefined
  #journal: Journal | undefined
  #commits: GroupCommit | undefined
  #maintenance: Maintenance | undefined
  /** The first bytes of the batch that is being appended, which its CRC leaves out. */
  readonly #head: Uint8Array = new Uint8Array(UNCHECKED_BYTES)

  constructor(store: FileStore, kernel: Kernel, source: PartitionSource, options: FileStoreOptions) {
    const parts = new StoreParts(store, kernel, source, options)
    this.#parts = parts
    this.#source = source
    this.#partitions = parts.partitions
    this.#writeBuffers = parts.segments.writeBuffers
    this.#availability = parts.availability
    this.#checkpoints = parts.checkpoints
    this.#compactions = parts.compactions
    this.#reserve = parts.reserve
    this.#backups = parts.backups
    this.#reads = new StoredReads(parts)
  }

  get capabilities(): StoreCapabilities {
    return this.#parts.store.capabilities
  }

  /** Kernel memory that nobody uses across a yield. */
  get scratch(): KernelBuffer {
    return this.#parts.segments.scratch
  }

  get assertHeld(): (() => void) | undefined {
    const lock = this.#lock
    if (lock?.assertHeld === undefined) return undefined
    return () => {
      lock.assertHeld?.()
      this.#journal?.assertInPlace()
    }
  }

  assertWritable(): void {
    this.#availability.assertWritable()
  }

  // ---- open and close ------------------------------------------------------------------------------------------------

  *open(): Task<StoredState> {
    this.#lock = yield* perform('lock', '', () => this.#parts.store.lock())
    try {
      const { state, writers } = yield* openStore(this.#parts)
      this.#journal = writers?.journal
      this.#commits = writers?.commits
      this.#maintenance = writers?.maintenance
      return state
    } catch (error) {
      yield* this.abandon()
      throw error
    }
  }

  closing(): void {
    this.#parts.pauses.limit(CLOSE_PAUSES_MAX)
  }

  *close(): Task<void> {
    this.closing()
    const journal = this.#journal
    try {
      if (journal !== undefined && !this.#availability.hasEnded) {
        yield* this.writeOut()
        yield* closeCleanly(this.#parts, journal, this.#removing)
      }
    } finally {
      yield* this.abandon()
    }
  }

  *abandon(): Task<void> {
    this.#availability.close()
    const journal = this.#journal
    const lock = this.#lock
    this.#journal = undefined
    this.#lock = undefined
    yield* releaseStore(this.#parts, journal, lock)
  }

  // ---- partitions ----------------------------------------------------------------------------------------------------

  *create(id: PartitionIdentity): Task<void> {
    if (this.#partitions.get(id) !== undefined) return
    this.#availability.assertWritable(id.topic, id.partition)
    this.#partitions.set(id, yield* this.#parts.directories.make(id))
  }

  *remove(id: PartitionIdentity): Task<void> {
    const files = this.#partitions.get(id)
    if (files === undefined) return
    this.#partitions.delete(id)
    this.#checkpoints.checkpointer.forget(partitionKey(id.topicId, id.partition))
    this.#maintenance?.forget(files)
    this.#compactions.forget(files)
    yield* this.#parts.directories.remove(files)
  }

  isActive(id: PartitionIdentity): boolean {
    const files = this.#partitions.get(id)
    return files?.segments.isReady === true && files.rollAt === undefined
  }

  *activate(id: PartitionIdentity): Task<void> {
    const files = this.#parts.files(id)
    files.isUsed = true
    yield* this.#reads.afterWriteOut(files.segments, () => files.segments.loadActive())
    if (files.segments.active !== undefined && files.rollAt === undefined) return
    const roll = () => files.roll(this.#parts.kernel, this.#source.producers(id))
    try {
      yield* this.#reserve.guardIf(isInternalTopic(id.topic), roll)
    } catch (error) {
      // A batch that still fits into the active segment needs no other one, such as the end of a transaction.
      if (LogError.is(error, 'STORAGE_FULL')) files.rollAt = undefined
      throw error
    }
  }

  append(id: PartitionIdentity, batch: SealedBatch, mayWait: boolean): boolean {
    this.#availability.assertWritable(id.topic, id.partition)
    const files = this.#parts.files(id)
    if (!files.segments.isReady) return false
    if (files.segments.mustRoll(batch)) {
      files.rollAt = batch.baseOffset
      return false
    }
    // The batch's bytes are a view of kernel memory, which placing it may move.
    const head = this.#head
    for (let at = 0; at < UNCHECKED_BYTES; at++) head[at] = batch.bytes[at] as number
    const lengthBytes = batch.bytes.length
    const position = files.segments.place(batch, mayWait)
    if (files.segments.wantsNext) this.#maintenance?.nearlyFull(files)
    const { baseOffset, nextOffset, maxTimestamp } = batch
    const appended = { bytes: head, baseOffset, nextOffset, maxTimestamp }
    const part = files.appended(appended, position, lengthBytes, this.#parts.kernel)
    if (part > 0) this.#parts.furtherRuns.begun()
    this.#checkpoints.need.appended(lengthBytes + part * (this.#journal?.ring.sizeBytes ?? 0))
    return true
  }

  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined {
    return this.#reads.read(id, offset, into)
  }

  prepareRead(id: PartitionIdentity, offset: number, abortedUpTo?: number): Task<void> {
    return this.#reads.prepare(id, offset, abortedUpTo)
  }

  abortedBetween(
    id: PartitionIdentity,
    fromOffset: number,
    upToOffset: number,
  ): readonly AbortedTransaction[] | undefined {
    return this.#reads.abortedBetween(id, fromOffset, upToOffset)
  }

  locate(id: PartitionIdentity, offset: number): { file: string; position: number } | undefined {
    return this.#reads.locate(id, offset)
  }

  seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined> {
    return this.#reads.seekTimestamp(id, timestamp)
  }

  compactable(id: PartitionIdentity): Compactable {
    return this.#compactions.compactable(this.#availability.isReadOnly ? undefined : this.#partitions.get(id))
  }

  *rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite> {
    this.#availability.assertWritable(id.topic, id.partition)
    return yield* this.#compactions.rewrite(this.#parts.files(id), baseOffset, nextOffset)
  }

  *cleaned(id: PartitionIdentity, offset: number): Task<void> {
    yield* this.#compactions.cleaned(this.#parts.files(id), offset)
  }

  ranges(id: PartitionIdentity): readonly StoredRange[] {
    return this.#partitions.get(id)?.segments.all ?? []
  }

  seal(id: PartitionIdentity): void {
    this.#parts.files(id).seal()
  }

  *deleteBefore(id: PartitionIdentity, offset: number): Task<Removal> {
    if (this.#availability.isReadOnly) return 'done'
    const files = this.#parts.files(id)
    const removal = yield* removeBelow(this.#removing, files, offset)
    const isActiveNoted = files.notedActiveBase === files.segments.active?.baseOffset
    if (removal === 'later' && !isActiveNoted) this.#checkpoints.need.ask()
    return removal
  }

  get #removing(): RemoveContext {
    return {
      store: this.#parts.store,
      isInUse: (segment) => segment.isPinned || this.#commits?.isReading(segment) === true,
    }
  }

  canCommit(decisionBytes: number): boolean {
    // A read-only log refuses commits at once instead of letting them wait for room that never comes.
    return (this.#journal?.hasRoom(decisionBytes) ?? true) && !this.#parts.furtherRuns.areTooMany
  }

  /** Half of what a frame holds: besides decisions it holds data up to its capacity, and extents. */
  get decisionBytesMax(): number {
    return (this.#journal?.frame.limitBytes ?? 0) / 2
  }

  *commit(set: CommitSet): Task<void> {
    this.#availability.assertWritable()
    // An open that found the log writable made them.
    const commits = this.#commits as GroupCommit
    this.#backups.commitBegins()
    const sequence = yield* this.#availability.orEnd(commits.run(set))
    this.#checkpoints.committed(sequence ?? this.#checkpoints.appliedSequence, set.producerIdsEnd)
    yield* this.#availability.orEnd(this.#backups.commitEnded())
  }

  hasUnwritten(id?: PartitionIdentity): boolean {
    return id === undefined ? this.#writeBuffers.isUsed : this.#partitions.get(id)?.segments.hasBuffered === true
  }

  writeOut(of?: readonly PartitionIdentity[]): Task<void> {
    const segments = of?.map((id) => this.#partitions.get(id)?.segments)
    return this.#availability.orEnd(this.#reserve.guardWriteOut(() => this.#writeBuffers.writeOut(segments)))
  }

  /** A copy as of one moment after a checkpoint, which `maintenance` writes; copying goes on beside everything else. */
  *backup(target: BackupTarget): Task<void> {
    this.#availability.assertWritable()
    if (this.#journal !== undefined) yield* this.#backups.run(target, this.#journal.header)
  }

  backupNeedsFiles(): boolean {
    return this.#backups.needFiles
  }

  maintenanceIsDue(): boolean {
    return this.#journal !== undefined && !this.#availability.hasEnded && this.#maintenance?.isDue === true
  }

  maintenance(): Task<void> | undefined {
    if (!this.maintenanceIsDue() || this.#maintenance === undefined) return undefined
    return this.#availability.orEnd(this.#maintenance.run())
  }
}
