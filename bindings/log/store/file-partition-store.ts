import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError, storageFailed } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreCapabilities, StoreLock } from '../../storage/file-store.ts'
import type {
  AbortedTransaction,
  CommitSet,
  Compactable,
  Damage,
  PartitionIdentity,
  PartitionSource,
  PartitionStore,
  Removal,
  Rewrite,
  SealedBatch,
  StoredRange,
  StoredState,
} from '../../storage/partition-store.ts'
import { sparingStore } from '../../storage/sparing-store.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { CHECKPOINT_PLACES } from '../checkpoint/checkpoint-file.ts'
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
import { Backups } from './backup.ts'
import { CheckpointNeed } from './checkpoint-need.ts'
import { Checkpointer } from './checkpointer.ts'
import { Compactions } from './compactions.ts'
import { createJournal } from './create-journal.ts'
import { writeFinalFiles, writeRolledFiles } from './derived-files.ts'
import { Reserve } from './disk-reserve.ts'
import { AT_ONCE_ALONE, AT_ONCE_BESIDE_COMMITS, type FileStoreOptions, MAX_BATCH_BYTES } from './file-store-options.ts'
import { GroupCommit } from './group-commit.ts'
import { lostFrameError } from './lost-frame-error.ts'
import { PartitionDirectories } from './partition-directories.ts'
import { PartitionMap } from './partition-map.ts'
import { recoveredSource } from './recovered-source.ts'
import { finishRemoval, type RemoveContext, removeBelow } from './remove-segments.ts'
import { growRing } from './ring-growth.ts'
import { storedState } from './stored-state.ts'
import { unlessPoisoned } from './unless-poisoned.ts'

/** Segments and a journal: the PartitionStore over files (docs/durability.md). */
export class FilePartitionStore implements PartitionStore {
  readonly #given: FileStore
  readonly #store: FileStore
  readonly #kernel: Kernel
  readonly #source: PartitionSource
  readonly #options: FileStoreOptions
  readonly #cache: FileCache
  readonly #segments: SegmentContext
  readonly #scratch: KernelBuffer
  readonly #partitions = new PartitionMap<StoredFiles>()
  readonly #checkpointer: Checkpointer
  readonly #compactions: Compactions
  readonly #reserve: Reserve
  readonly #directories: PartitionDirectories
  readonly #backups: Backups
  #journal: Journal | undefined
  #lock: StoreLock | undefined
  #commits: GroupCommit | undefined
  #checkpointSequence = 0
  /** Where the newest durable checkpoint stands. */
  #checkpointPlace = 0
  /** Frames up to it are in their segments, decisions too: a checkpoint covers them. */
  #appliedSequence = 0
  #producerIdsEnd = 0
  /** Of the batch that is being appended. */
  readonly #head: Uint8Array = new Uint8Array(UNCHECKED_BYTES)
  readonly #checkpointNeed = new CheckpointNeed()
  #checkpointBytes = 0
  /** Their next segment's file is to be made ahead. */
  readonly #nearlyFull = new Set<StoredFiles>()
  #lostFrame: Damage | undefined
  #failure: LogError | undefined

  constructor(given: FileStore, kernel: Kernel, source: PartitionSource, options: FileStoreOptions) {
    this.#given = given
    const store = sparingStore(given, () => this.#cache.giveUp())
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
    this.#checkpointer = new Checkpointer(store, kernel, this.#cache, source, options.observer)
    this.#compactions = new Compactions(this.#segments, source)
    const shares = { decisionsBytes: options.ringFileBytes * options.ringFiles, waitingBytes: WAITING_DISK_BYTES }
    this.#reserve = new Reserve(store, shares, () => waiting.writeWhatFits())
    const assertOpen = () => this.#assertOpen()
    const owned = { segments: this.#segments, reserve: this.#reserve }
    this.#directories = new PartitionDirectories({ store, kernel, source, assertOpen, ...owned })
    const parts = { store, kernel, options, checkpointer: this.#checkpointer, partitions: this.#partitions }
    this.#backups = new Backups({ ...parts, producerIdsEnd: () => this.#producerIdsEnd, assertOpen })
  }

  get capabilities(): StoreCapabilities {
    return this.#store.capabilities
  }

  get assertHeld(): (() => void) | undefined {
    return this.#lock?.assertHeld?.bind(this.#lock)
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
    const header = found ?? (yield* createJournal(this.#store, this.#kernel, this.#options))
    const parts = { store: this.#store, kernel: this.#kernel, files: this.#cache, segments: this.#segments }
    const input = { ...parts, source: this.#source, observer: this.#options.observer }
    // A new log's header says that it is in use, and there is nothing to recover.
    const isNew = found === undefined
    const recovered = yield* this.#reserve.guard(() => recover(input, isNew ? { ...header, clean: true } : header))
    this.#adopt(recovered)
    if (!recovered.readOnly) yield* this.#begin(recovered, isNew)
    return storedState(recovered)
  }

  #adopt(recovered: Recovered): void {
    for (const { stored, files } of recovered.partitions) {
      this.#partitions.set(stored.id, files)
      this.#directories.found(files)
    }
    for (const [key, noted] of recovered.noted) this.#checkpointer.remember(key, noted)
    this.#checkpointSequence = recovered.checkpointSequence
    this.#checkpointPlace = recovered.checkpointPlace
    this.#appliedSequence = recovered.coveredSequence
    this.#producerIdsEnd = recovered.producerIdsEnd
    this.#lostFrame = recovered.readOnly ? recovered.damage[0] : undefined
  }

  /**
   * Before the first acknowledgement: after an unclean end a checkpoint of all that was recovered, then a new header, unless a
   * new log has just got it.
   */
  *#begin(recovered: Recovered, isNew: boolean): Task<void> {
    const { clean, header } = recovered
    if (!clean) {
      const source = recoveredSource(recovered.partitions, this.#source)
      const checkpointer = new Checkpointer(this.#store, this.#kernel, this.#cache, source, this.#options.observer)
      for (const [key, noted] of recovered.noted) checkpointer.remember(key, noted)
      for (const files of this.#partitions.values()) {
        files.changed = !recovered.noted.has(partitionKey(files.id.topicId, files.id.partition))
      }
      yield* this.#reserve.guard(() =>
        checkpointer.write(this.#partitions.values(), this.#facts(header), this.#nextPlace(), AT_ONCE_ALONE),
      )
      for (const [key, bytes] of checkpointer.records()) this.#checkpointer.keep(key, bytes)
      this.#checkpointSequence++
      this.#checkpointPlace = this.#nextPlace()
    }
    const journal = yield* Journal.open(
      this.#store,
      this.#kernel,
      clean && !isNew ? { ...header, generation: header.generation + 1 } : header,
      this.#appliedSequence,
      this.#options.observer,
    )
    this.#journal = journal
    // The last close gave back all but one file, and only beside a reserve, which makes room for another on a full disk.
    const beside = clean && !isNew ? [journal.headerFlush] : []
    yield* this.#reserve.guard(() => journal.ring.grow(this.#options.ringFiles, beside))
    this.#commits = new GroupCommit({
      store: this.#store,
      kernel: this.#kernel,
      journal,
      cache: this.#cache,
      partitions: (id) => this.#files(id),
      source: this.#source,
      reserve: this.#reserve,
      waiting: this.#segments.waiting,
      observer: this.#options.observer,
    })
    if (!isNew) yield* journal.writeHeader({ clean: false, checkpointSequence: this.#checkpointSequence })
    yield* this.#reserve.restore()
  }

  #nextPlace(): number {
    return (this.#checkpointPlace + 1) % CHECKPOINT_PLACES
  }

  #facts({ nonce, generation, leaderEpoch }: JournalHeader) {
    return {
      nonce,
      sequence: this.#checkpointSequence + 1,
      generation,
      coveredSequence: this.#appliedSequence,
      leaderEpoch,
      producerIdsEnd: this.#producerIdsEnd,
    }
  }

  *close(): Task<void> {
    const journal = this.#journal
    try {
      if (journal !== undefined && this.#failure === undefined) yield* this.#closeCleanly(journal)
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
    yield* this.#reserve.guard(() => this.#checkpoint(journal, AT_ONCE_ALONE))
    yield* this.#compactions.close()
    for (const files of this.#partitions.values()) {
      yield* finishRemoval(this.#removing, files, this.#source.logStartOffset(files.id))
    }
    // Nobody reads any more, and files of its own come instead: all within the bound of open files.
    this.#cache.closeAll()
    yield* writeFinalFiles({ store: this.#store, kernel: this.#kernel }, this.#partitions.values(), this.#source)
    yield* journal.writeHeader({ clean: true, checkpointSequence: this.#checkpointSequence })
    if (this.#reserve.isHeld) yield* journal.ring.shrink()
  }

  *abandon(): Task<void> {
    this.#failure ??= new LogError('LOG_CLOSED', 'the log is closed')
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
    this.#assertWritable(id)
    this.#partitions.set(id, yield* this.#directories.make(id))
  }

  *remove(id: PartitionIdentity): Task<void> {
    const files = this.#partitions.get(id)
    if (files === undefined) return
    this.#partitions.delete(id)
    this.#checkpointer.forget(partitionKey(id.topicId, id.partition))
    this.#nearlyFull.delete(files)
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
    this.#assertWritable(id)
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
    if (files.segments.wantsNext) this.#nearlyFull.add(files)
    const { baseOffset, nextOffset, maxTimestamp } = batch
    const appended = { bytes: head, baseOffset, nextOffset, maxTimestamp }
    const part = files.appended(appended, position, lengthBytes, this.#kernel)
    this.#checkpointNeed.appended(lengthBytes + part * (this.#journal?.ring.sizeBytes ?? 0))
    return true
  }

  #assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #assertWritable({ topic, partition }: Partial<PartitionIdentity>): void {
    this.#assertOpen()
    if (this.#lostFrame !== undefined) throw lostFrameError(this.#lostFrame, topic, partition)
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
    return this.#compactions.compactable(this.#lostFrame ? undefined : this.#partitions.get(id))
  }

  *rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite> {
    this.#assertWritable(id)
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
    if (this.#lostFrame !== undefined) return 'done'
    const files = this.#files(id)
    const removal = yield* removeBelow(this.#removing, files, offset)
    const isActiveNoted = files.notedActiveBase === files.segments.active?.baseOffset
    if (removal === 'later' && !isActiveNoted) this.#checkpointNeed.ask()
    return removal
  }

  get #removing(): RemoveContext {
    return { store: this.#store, isInUse: (segment) => segment.isPinned || this.#commits?.isReading(segment) === true }
  }

  canCommit(decisionBytes: number): boolean {
    // A read-only log refuses commits at once instead of letting them wait for room that never comes.
    return this.#journal?.hasRoom(decisionBytes) ?? true
  }

  /** Besides them a frame holds data up to its capacity, and extents. */
  get decisionBytesMax(): number {
    return (this.#journal?.frame.limitBytes ?? 0) / 2
  }

  *commit(set: CommitSet): Task<void> {
    const commits = this.#commits
    this.#assertOpen()
    if (commits === undefined) throw new LogError('LOG_READ_ONLY', 'the log is read-only')
    this.#backups.commitBegins()
    this.#appliedSequence = (yield* this.#orEnd(commits.run(set))) ?? this.#appliedSequence
    if (set.producerIdsEnd !== undefined) this.#producerIdsEnd = Math.max(this.#producerIdsEnd, set.producerIdsEnd)
    this.#backups.commitEnded()
  }

  *#orEnd<T>(task: Task<T>): Task<T> {
    try {
      return yield* task
    } catch (error) {
      throw this.#end(error)
    }
  }

  hasUnwritten(id?: PartitionIdentity): boolean {
    return id === undefined ? this.#segments.waiting.isUsed : this.#partitions.get(id)?.segments.hasWaiting === true
  }

  writeOut(of?: readonly PartitionIdentity[]): Task<void> {
    const segments = of?.map((id) => this.#partitions.get(id)?.segments)
    return this.#orEnd(this.#reserve.guardWaiting(() => this.#segments.waiting.writeOut(segments)))
  }

  /** The log ends (rule 10): after a failed flush pages may read clean although nothing was written. */
  #end(error: unknown): LogError {
    this.#failure ??= LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)
    return this.#failure
  }

  /** As of one moment behind a checkpoint, which `maintenance` brings; the copy goes on beside everything else. */
  *backup(target: BackupTarget): Task<void> {
    this.#assertWritable({})
    if (this.#journal !== undefined) yield* this.#backups.run(target, this.#journal.header)
  }

  backupNeedsFiles(): boolean {
    return this.#backups.needFiles
  }

  maintenanceIsDue(): boolean {
    const journal = this.#journal
    if (journal === undefined || this.#checkpointNeed.isUnderWay || this.#failure !== undefined) return false
    if (this.#nearlyFull.size > 0 || this.#backups.areWaiting || this.#compactions.wantsCheckpoint) return true
    return this.#checkpointNeed.isDue(journal.ring) || !this.canCommit(0)
  }

  maintenance(): Task<void> | undefined {
    if (!this.maintenanceIsDue() || this.#journal === undefined) return undefined
    return this.#orEnd(this.#nearlyFull.size > 0 ? this.#makeNext() : this.#maintain(this.#journal))
  }

  *#makeNext(): Task<void> {
    for (const files of this.#nearlyFull) {
      this.#nearlyFull.delete(files)
      yield* files.segments.makeNext()
    }
  }

  *#maintain(journal: Journal): Task<void> {
    yield* this.#backups.afterCheckpoint(() => {
      return this.#reserve.guard(() => this.#checkpoint(journal, AT_ONCE_BESIDE_COMMITS))
    })
    yield* this.#compactions.finish()
    yield* writeRolledFiles({ store: this.#store }, this.#partitions.values())
    yield* this.#reserve.restore()
    if (this.#reserve.isHeld) yield* growRing(journal.ring, this.#options, this.#checkpointBytes, this.#given)
  }

  *#checkpoint(journal: Journal, atOnce: number): Task<void> {
    this.#checkpointNeed.begin()
    try {
      journal.assertOwnGeneration()
      const facts = this.#facts(journal.header)
      this.#checkpointBytes = yield* this.#checkpointer.write(
        this.#partitions.values(),
        facts,
        this.#nextPlace(),
        atOnce,
      )
      this.#checkpointSequence = facts.sequence
      this.#checkpointPlace = this.#nextPlace()
      journal.ring.release(facts.coveredSequence)
    } finally {
      this.#checkpointNeed.end()
    }
  }
}
