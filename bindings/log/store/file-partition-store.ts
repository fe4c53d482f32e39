import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreCapabilities, StoreLock } from '../../storage/file-store.ts'
import { FlushFailure, rememberFailedFlush } from '../../storage/flush-failure.ts'
import type {
  AbortedTransaction,
  CommitSet,
  Compactable,
  PartitionIdentity,
  PartitionSource,
  PartitionStore,
  Removal,
  Rewrite,
  SealedBatch,
  StoredRange,
  StoredState,
} from '../../storage/partition-store.ts'
import { PAUSE_MS, sparingStore } from '../../storage/sparing-store.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { JournalHeader } from '../journal/header.ts'
import { Journal } from '../journal/journal.ts'
import type { Recovered } from '../recovery/recovered.ts'
import { readJournalHeader, recover } from '../recovery/recovery.ts'
import { FileCache } from '../segment/file-cache.ts'
import { UNCHECKED_BYTES } from '../segment/header-checksum.ts'
import { SCRATCH_BYTES, type SegmentContext } from '../segment/segment-context.ts'
import { WAITING_DISK_BYTES, WaitingWrites } from '../segment/waiting-writes.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { Availability } from './availability.ts'
import { Backups } from './backup.ts'
import { Checkpoints } from './checkpoints.ts'
import { Compactions } from './compactions.ts'
import { createJournal } from './create-journal.ts'
import { Reserve } from './disk-reserve.ts'
import { AT_ONCE_ALONE, type FileStoreOptions, MAX_BATCH_BYTES } from './file-store-options.ts'
import { GroupCommit } from './group-commit.ts'
import { Maintenance } from './maintenance.ts'
import { PartitionDirectories } from './partition-directories.ts'
import { PartitionMap } from './partition-map.ts'
import { Pauses } from './pauses.ts'
import { writeFinalSnapshots } from './producer-snapshots.ts'
import { finishRemoval, type RemoveContext, removeBelow } from './remove-segments.ts'
import { storedState } from './stored-state.ts'
import { unlessPoisoned } from './unless-poisoned.ts'

/**
 * A close waits at most a second for descriptors, together with all that was under way when it was asked for. If it
 * fails nothing acknowledged is lost, since the next open recovers it; and whoever ends a program seldom gives it the
 * half minute that a commit may wait.
 */
const CLOSE_PAUSES_MAX = 1000 / PAUSE_MS

/** Segments and a journal: the PartitionStore over files (docs/durability.md). */
export class FilePartitionStore implements PartitionStore {
  /** Spares nobody a file. */
  readonly #unsparing: FileStore
  readonly #store: FileStore
  readonly #kernel: Kernel
  readonly #source: PartitionSource
  readonly #options: FileStoreOptions
  readonly #cache: FileCache
  readonly #segments: SegmentContext
  readonly #scratch: KernelBuffer
  readonly #partitions = new PartitionMap<StoredFiles>()
  readonly #availability = new Availability()
  readonly #checkpoints: Checkpoints
  readonly #compactions: Compactions
  readonly #reserve: Reserve
  readonly #directories: PartitionDirectories
  readonly #backups: Backups
  #lock: StoreLock | undefined
  readonly #pauses: Pauses
  #journal: Journal | undefined
  #commits: GroupCommit | undefined
  #maintenance: Maintenance | undefined
  /** The beginning of the batch that is being appended. */
  readonly #head: Uint8Array = new Uint8Array(UNCHECKED_BYTES)

  constructor(given: FileStore, kernel: Kernel, source: PartitionSource, options: FileStoreOptions) {
    this.#pauses = new Pauses(options.pause)
    const sparing = { giveUp: () => this.#cache.giveUp(), pause: () => this.#pauses.next() }
    const flushFailure = new FlushFailure()
    this.#unsparing = rememberFailedFlush(given, flushFailure)
    const store = rememberFailedFlush(sparingStore(given, sparing), flushFailure)
    this.#store = store
    this.#kernel = kernel
    this.#source = source
    this.#options = options
    this.#cache = new FileCache(store, options.openFilesMax)
    const scratch = kernel.allocate(SCRATCH_BYTES)
    if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
    this.#scratch = scratch
    const waiting = new WaitingWrites(() => this.#reserve.isWhole)
    this.#segments = { kernel, store, files: this.#cache, waiting, scratch, maxBatchBytes: MAX_BATCH_BYTES }
    const shares = { decisionsBytes: options.ringFileBytes * options.ringFiles, waitingBytes: WAITING_DISK_BYTES }
    const reserve = new Reserve(store, shares, () => waiting.writeWhatFits())
    this.#reserve = reserve
    this.#compactions = new Compactions(this.#segments, source)
    const parts = { store, kernel, source, options, partitions: this.#partitions, reserve }
    const checkpoints = new Checkpoints({ ...parts, cache: this.#cache, observer: options.observer })
    this.#checkpoints = checkpoints
    const assertOpen = () => this.#availability.assertOpen()
    this.#directories = new PartitionDirectories({ ...parts, segments: this.#segments, assertOpen })
    const copied = { checkpointer: checkpoints.checkpointer, producerIdsEnd: () => checkpoints.producerIdsEnd }
    this.#backups = new Backups({ ...parts, ...copied, assertOpen })
  }

  get capabilities(): StoreCapabilities {
    return this.#store.capabilities
  }

  get assertHeld(): (() => void) | undefined {
    const lock = this.#lock
    if (lock?.assertHeld === undefined) return undefined
    return () => {
      lock.assertHeld?.()
      this.#journal?.assertInPlace()
    }
  }

  // ---- open and close ------------------------------------------------------------------------------------------------

  *open(): Task<StoredState> {
    this.#lock = yield* perform('lock', '', () => this.#store.lock())
    try {
      return yield* this.#open()
    } catch (error) {
      yield* this.abandon()
      throw error
    }
  }

  *#open(): Task<StoredState> {
    const found = yield* readJournalHeader(this.#store, this.#kernel)
    const isNew = found?.header === undefined
    const recovered = isNew
      ? yield* createJournal(this.#store, this.#kernel, this.#options)
      : yield* this.#recover(found.header, found.isNewest)
    this.#adopt(recovered)
    if (!recovered.readOnly) yield* this.#begin(recovered, isNew)
    return storedState(recovered)
  }

  *#recover(header: JournalHeader, isNewest: boolean): Task<Recovered> {
    const parts = { store: this.#store, kernel: this.#kernel, files: this.#cache, segments: this.#segments }
    const input = { ...parts, source: this.#source, observer: this.#options.observer }
    return yield* this.#reserve.guard(() => recover(input, header, isNewest))
  }

  #adopt(recovered: Recovered): void {
    for (const { stored, files } of recovered.partitions) {
      this.#partitions.set(stored.id, files)
      this.#directories.found(files)
    }
    this.#checkpoints.recovered(recovered)
    if (recovered.readOnly) this.#availability.lostFrame(recovered.damage[0])
  }

  /**
   * All of it comes before the first acknowledgement: after an unclean end a checkpoint of all that was recovered, then
   * a new header, unless a new log has just got one.
   */
  *#begin(recovered: Recovered, isNew: boolean): Task<void> {
    const { clean, header } = recovered
    if (!clean) yield* this.#checkpoints.writeRecovered(recovered)
    const journal = yield* Journal.open(
      this.#store,
      this.#kernel,
      clean && !isNew ? { ...header, generation: header.generation + 1 } : header,
      this.#checkpoints.appliedSequence,
      recovered.needsRing,
      this.#options.observer,
    )
    this.#journal = journal
    // The last close gave back all ring files but one, and only with the reserve held: so on a full disk the reserve
    // makes room for another.
    const beside = clean ? [journal.headerFlush] : []
    if (!isNew) yield* this.#reserve.guard(() => journal.ring.grow(this.#options.ringFiles, beside))
    this.#commitTo(journal)
    if (!isNew) yield* journal.writeHeader({ clean: false, checkpointSequence: this.#checkpoints.sequence })
    yield* this.#reserve.restore()
  }

  #commitTo(journal: Journal): void {
    const parts = { store: this.#store, options: this.#options, reserve: this.#reserve, journal }
    this.#commits = new GroupCommit({
      ...parts,
      kernel: this.#kernel,
      cache: this.#cache,
      partitions: (id) => this.#files(id),
      source: this.#source,
      waiting: this.#segments.waiting,
      observer: this.#options.observer,
    })
    this.#maintenance = new Maintenance({
      ...parts,
      unsparing: this.#unsparing,
      partitions: this.#partitions,
      checkpoints: this.#checkpoints,
      backups: this.#backups,
      compactions: this.#compactions,
    })
  }

  closing(): void {
    this.#pauses.limit(CLOSE_PAUSES_MAX)
  }

  *close(): Task<void> {
    this.closing()
    const journal = this.#journal
    try {
      if (journal !== undefined && !this.#availability.hasEnded) yield* this.#closeCleanly(journal)
    } finally {
      yield* this.abandon()
    }
  }

  *#closeCleanly(journal: Journal): Task<void> {
    yield* this.writeOut()
    for (const files of this.#partitions.values()) {
      if (yield* files.segments.writeIndexes()) files.changed = true
      files.proveNext()
    }
    yield* this.#checkpoints.write(journal, AT_ONCE_ALONE)
    yield* this.#compactions.close()
    for (const files of this.#partitions.values()) {
      yield* finishRemoval(this.#removing, files, this.#source.logStartOffset(files.id))
    }
    // Nobody reads any more, and the snapshots need open files of their own within the same bound.
    this.#cache.closeAll()
    yield* writeFinalSnapshots({ store: this.#store, kernel: this.#kernel }, this.#partitions.values(), this.#source)
    yield* journal.writeHeader({ clean: true, checkpointSequence: this.#checkpoints.sequence })
    if (this.#reserve.isHeld) yield* journal.ring.shrink()
  }

  *abandon(): Task<void> {
    this.#availability.close()
    const journal = this.#journal
    this.#journal = undefined
    unlessPoisoned(() => {
      for (const files of this.#partitions.values()) files.segments.release()
      journal?.free()
      this.#scratch.free()
    })
    journal?.close()
    unlessPoisoned(() => this.#cache.closeAll())
    const lock = this.#lock
    this.#lock = undefined
    if (lock !== undefined) yield* perform('lock', '', () => lock.release())
    yield* perform('lock', '', () => this.#store.close())
  }

  // ---- partitions ----------------------------------------------------------------------------------------------------

  #files(id: PartitionIdentity): StoredFiles {
    const files = this.#partitions.get(id)
    if (files !== undefined) return files
    const { topic, partition } = id
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `${topic}-${partition} has no files`, { topic, partition })
  }

  *create(id: PartitionIdentity): Task<void> {
    if (this.#partitions.get(id) !== undefined) return
    this.#availability.assertWritable(id.topic, id.partition)
    this.#partitions.set(id, yield* this.#directories.make(id))
  }

  *remove(id: PartitionIdentity): Task<void> {
    const files = this.#partitions.get(id)
    if (files === undefined) return
    this.#partitions.delete(id)
    this.#checkpoints.checkpointer.forget(partitionKey(id.topicId, id.partition))
    this.#maintenance?.forget(files)
    this.#compactions.forget(files)
    yield* this.#directories.remove(files)
  }

  isActive(id: PartitionIdentity): boolean {
    const files = this.#partitions.get(id)
    return files?.segments.isReady === true && files.rollAt === undefined
  }

  *activate(id: PartitionIdentity): Task<void> {
    const files = this.#files(id)
    files.isUsed = true
    yield* files.segments.loadActive()
    if (files.segments.active === undefined || files.rollAt !== undefined) {
      yield* this.#reserve.guardIf(isInternalTopic(id.topic), () =>
        files.roll(this.#kernel, this.#source.producers(id)),
      )
    }
  }

  append(id: PartitionIdentity, batch: SealedBatch, mayWait: boolean): boolean {
    this.#availability.assertWritable(id.topic, id.partition)
    const files = this.#files(id)
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
    const part = files.appended(appended, position, lengthBytes, this.#kernel)
    this.#checkpoints.need.appended(lengthBytes + part * (this.#journal?.ring.sizeBytes ?? 0))
    return true
  }

  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined {
    const segments = this.#partitions.get(id)?.segments
    if (segments === undefined) return 0
    return segments.hasWaiting ? undefined : segments.read(offset, into)
  }

  *prepareRead(id: PartitionIdentity, offset: number, abortedUpTo?: number): Task<void> {
    const { segments } = this.#files(id)
    if (segments.hasWaiting) yield* this.#reserve.guardWaiting(() => segments.writeOut())
    yield* segments.load(offset)
    if (abortedUpTo !== undefined) yield* segments.loadAborted(offset, abortedUpTo)
  }

  abortedBetween(
    id: PartitionIdentity,
    fromOffset: number,
    upToOffset: number,
  ): readonly AbortedTransaction[] | undefined {
    const files = this.#partitions.get(id)
    return files === undefined ? [] : files.segments.abortedBetween(fromOffset, upToOffset)
  }

  locate(id: PartitionIdentity, offset: number): { file: string; position: number } | undefined {
    const segment = this.#partitions.get(id)?.segments.find(offset)
    const file = segment?.file
    if (segment === undefined || file === undefined) return undefined
    return { file: segment.logPath, position: segment.positionOf(file, offset) }
  }

  *seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined> {
    return yield* this.#files(id).segments.seekTimestamp(timestamp)
  }

  compactable(id: PartitionIdentity): Compactable {
    return this.#compactions.compactable(this.#availability.isReadOnly ? undefined : this.#partitions.get(id))
  }

  *rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite> {
    this.#availability.assertWritable(id.topic, id.partition)
    return yield* this.#compactions.rewrite(this.#files(id), baseOffset, nextOffset)
  }

  *cleaned(id: PartitionIdentity, offset: number): Task<void> {
    yield* this.#compactions.cleaned(this.#files(id), offset)
  }

  ranges(id: PartitionIdentity): readonly StoredRange[] {
    return this.#partitions.get(id)?.segments.all ?? []
  }

  seal(id: PartitionIdentity): void {
    this.#files(id).seal()
  }

  *deleteBefore(id: PartitionIdentity, offset: number): Task<Removal> {
    if (this.#availability.isReadOnly) return 'done'
    const files = this.#files(id)
    const removal = yield* removeBelow(this.#removing, files, offset)
    const isActiveNoted = files.notedActiveBase === files.segments.active?.baseOffset
    if (removal === 'later' && !isActiveNoted) this.#checkpoints.need.ask()
    return removal
  }

  get #removing(): RemoveContext {
    return { store: this.#store, isInUse: (segment) => segment.isPinned || this.#commits?.isReading(segment) === true }
  }

  canCommit(decisionBytes: number): boolean {
    // A read-only log refuses commits at once instead of letting them wait for room that never comes.
    return this.#journal?.hasRoom(decisionBytes) ?? true
  }

  /** Half of what a frame holds: besides decisions it has data up to its capacity, and extents. */
  get decisionBytesMax(): number {
    return (this.#journal?.frame.limitBytes ?? 0) / 2
  }

  *commit(set: CommitSet): Task<void> {
    const commits = this.#commits
    this.#availability.assertOpen()
    if (commits === undefined) throw new LogError('LOG_READ_ONLY', 'the log is read-only')
    this.#backups.commitBegins()
    const sequence = yield* this.#availability.orEnd(commits.run(set))
    this.#checkpoints.committed(sequence ?? this.#checkpoints.appliedSequence, set.producerIdsEnd)
    this.#backups.commitEnded()
  }

  hasUnwritten(id?: PartitionIdentity): boolean {
    return id === undefined ? this.#segments.waiting.isUsed : this.#partitions.get(id)?.segments.hasWaiting === true
  }

  writeOut(of?: readonly PartitionIdentity[]): Task<void> {
    const segments = of?.map((id) => this.#partitions.get(id)?.segments)
    return this.#availability.orEnd(this.#reserve.guardWaiting(() => this.#segments.waiting.writeOut(segments)))
  }

  /**
   * A copy as of one moment behind a checkpoint, which `maintenance` writes; copying goes on beside everything else.
   */
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
