import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { FlushFailure, rememberFailedFlush } from '../../storage/flush-failure.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import { sparingStore } from '../../storage/sparing-store.ts'
import { FileCache } from '../segment/file-cache.ts'
import { SCRATCH_BYTES, type SegmentContext } from '../segment/segment-context.ts'
import { WriteBuffers } from '../segment/write-buffers.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { Availability } from './availability.ts'
import { Backups } from './backups.ts'
import { Checkpoints } from './checkpoints.ts'
import { Compactions } from './compactions.ts'
import { DiskReserve } from './disk-reserve.ts'
import type { FileStoreOptions } from './file-store-options.ts'
import { FurtherRuns } from './further-runs.ts'
import { PartitionDirectories } from './partition-directories.ts'
import { PartitionMap } from './partition-map.ts'
import { Pauses } from './pauses.ts'

/**
 * Puts together what the store over files needs without a journal, and wires the parts. What writes to the journal is
 * added later (open-store.ts).
 */
export class StoreParts {
  /** The store that closes no files for others (see sparingStore). */
  readonly unsparing: FileStore
  readonly store: FileStore
  readonly kernel: Kernel
  readonly source: PartitionSource
  readonly options: FileStoreOptions
  readonly cache: FileCache
  readonly segments: SegmentContext
  readonly partitions: PartitionMap<StoredFiles> = new PartitionMap<StoredFiles>()
  readonly availability: Availability = new Availability()
  readonly checkpoints: Checkpoints
  readonly compactions: Compactions
  readonly reserve: DiskReserve
  readonly directories: PartitionDirectories
  readonly backups: Backups
  readonly pauses: Pauses
  readonly furtherRuns: FurtherRuns = new FurtherRuns(this.partitions)

  constructor(given: FileStore, kernel: Kernel, source: PartitionSource, options: FileStoreOptions) {
    this.pauses = new Pauses(options.pause)
    const sparing = { giveUp: () => this.cache.giveUp(), pause: () => this.pauses.next() }
    const flushFailure = new FlushFailure()
    this.unsparing = rememberFailedFlush(given, flushFailure)
    const store = rememberFailedFlush(sparingStore(given, sparing), flushFailure)
    this.store = store
    this.kernel = kernel
    this.source = source
    this.options = options
    this.cache = new FileCache(store, options.openFilesMax)
    const scratch = kernel.allocate(SCRATCH_BYTES)
    if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
    const writeBuffers = new WriteBuffers(() => this.reserve.isWhole, options.writeBufferSizes)
    this.segments = { kernel, store, files: this.cache, writeBuffers, scratch, maxBatchBytes: BATCH_BYTES_MAX }
    const shares = { decisionsBytes: options.ringFileBytes * options.ringFiles, bufferedBytes: writeBuffers.diskBytes }
    const reserve = new DiskReserve(store, shares, () => writeBuffers.writeWhatFits())
    this.reserve = reserve
    this.compactions = new Compactions(this.segments, source)
    const parts = { store, kernel, source, options, partitions: this.partitions, reserve }
    const checkpoints = new Checkpoints({ ...parts, cache: this.cache, observer: options.observer })
    this.checkpoints = checkpoints
    const assertOpen = () => this.availability.assertOpen()
    this.directories = new PartitionDirectories({ ...parts, segments: this.segments, assertOpen })
    const copied = { checkpointer: checkpoints.checkpointer, producerIdsEnd: () => checkpoints.producerIdsEnd }
    const writeOut = () => reserve.guardWriteOut(() => writeBuffers.writeOut())
    this.backups = new Backups({ ...parts, ...copied, assertOpen, writeOut })
  }

  /** UNKNOWN_TOPIC_OR_PARTITION for a partition without files. */
  files(id: PartitionIdentity): StoredFiles {
    const files = this.partitions.get(id)
    if (files !== undefined) return files
    const { topic, partition } = id
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `${topic}-${partition} has no files`, { topic, partition })
  }
}
