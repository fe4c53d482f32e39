import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import { createFile } from '../../storage/open-file.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { SegmentConfig } from '../../storage/partition-source.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { PARTITION_METADATA, partitionDirectory } from '../files/file-names.ts'
import { assignLeaderEpoch, type LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import { directoryTopicId } from '../files/partition-directory.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { ProducerScan } from '../partition/producer-scan.ts'
import { mayFollow } from '../segment/batch-head.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { encodePartition } from '../store/checkpointer.ts'
import { sameDirectory } from '../store/create-partition.ts'

/** What the batches of a partition don't tell. */
export interface PartitionEnd {
  readonly logStartOffset: number
  /** Offset of the next record; never below the end of the last batch. */
  readonly nextOffset: number
  /** Compaction has passed over everything below it. */
  readonly cleanedOffset: number
  /** The producers that the partition remembers. */
  readonly producers: readonly StoredProducer[]
}

/**
 * One partition of a new log. It takes whole batches with the offsets, epoch and producer that they have. If offsets
 * are missing between two batches, the second one begins a segment, so that within a segment every offset still follows
 * from the one before and a damaged one is noticed. Only what compaction left may have gaps anywhere. The log will
 * append to a segment of its own and never write to these again.
 */
export class NewPartition {
  readonly #context: SegmentContext
  readonly #id: PartitionIdentity
  readonly #directory: string
  readonly #segments: SegmentList
  readonly #producers: ProducerScan
  #leaderEpochs: readonly LeaderEpochEntry[] = []
  #nextOffset = 0
  #isSealed = false
  /** The greatest producer id of any batch, -1 without one. */
  producerIdMax = -1

  private constructor(context: SegmentContext, id: PartitionIdentity, config: SegmentConfig) {
    this.#context = context
    this.#id = id
    this.#directory = partitionDirectory(id.topic, id.partition)
    this.#segments = new SegmentList(context, this.#directory, () => config, [])
    this.#producers = new ProducerScan(context.kernel, id, [])
  }

  static *begin(context: SegmentContext, id: PartitionIdentity, config: SegmentConfig): Task<NewPartition> {
    const partition = new NewPartition(context, id, config)
    const found = yield* directoryTopicId(context.store, partition.#directory)
    if (found !== undefined) throw sameDirectory(id, partition.#directory)
    const metadata = yield* createFile(context.store, `${partition.#directory}/${PARTITION_METADATA}`)
    try {
      writeFully(metadata, formatPartitionMetadata(id.topicId), 0)
      yield* performAll([flushOf(metadata)])
    } finally {
      metadata.close()
    }
    return partition
  }

  /** The offset after the last batch. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get leaderEpoch(): number {
    return this.#leaderEpochs.at(-1)?.epoch ?? 0
  }

  /** The producers as the batches so far tell them. */
  producers(): readonly StoredProducer[] {
    return this.#producers.stored()
  }

  /** Makes the next batch begin a segment. */
  seal(): void {
    this.#isSealed = true
  }

  /**
   * Appends a batch whose CRC holds and that lies above those before it; INVALID_REQUEST for another. `isCleaned`:
   * compaction left it, so offsets may be missing before it though no record was lost. Begins a new segment where the
   * topic's config or a gap asks for it.
   */
  *append(batch: ScannedBatch, isCleaned: boolean = false): Task<void> {
    const { header, nextOffset } = batch
    const { baseOffset, maxTimestamp, partitionLeaderEpoch } = header
    if (baseOffset < this.#nextOffset) throw this.#offsetTooLow(baseOffset)
    const aborted = this.#producers.endsTransaction(header, batch.bytes)
    const sealed = { bytes: batch.bytes, baseOffset, nextOffset, maxTimestamp }
    if (this.#beginsSegment(batch, isCleaned) || this.#segments.mustRoll(sealed)) {
      // The batch's bytes are a view of kernel memory, which a roll may move.
      const bytes = batch.bytes.slice()
      yield* this.#roll(baseOffset, isCleaned)
      this.#segments.place({ ...sealed, bytes })
    } else {
      yield* this.#context.files.reopen(this.#segments.active?.logPath ?? '')
      this.#segments.place(sealed)
    }
    if (aborted !== undefined) this.#segments.recordAborted(aborted)
    this.#producers.learn(header)
    this.producerIdMax = Math.max(this.producerIdMax, header.producerId)
    if (partitionLeaderEpoch !== this.#leaderEpochs.at(-1)?.epoch)
      this.#leaderEpochs = assignLeaderEpoch(this.#leaderEpochs, partitionLeaderEpoch, baseOffset)
    this.#nextOffset = nextOffset
  }

  #offsetTooLow(offset: number): LogError {
    const { topic, partition } = this.#id
    const message = `the batch at offset ${offset} of ${topic}-${partition} must begin at ${this.#nextOffset} or above`
    return new LogError('INVALID_REQUEST', message, { topic, partition, offset, expected: this.#nextOffset })
  }

  #beginsSegment({ header }: ScannedBatch, isCleaned: boolean): boolean {
    const { active } = this.#segments
    if (active === undefined || this.#isSealed || active.isCleaned !== isCleaned) return true
    const { baseOffset, partitionLeaderEpoch: leaderEpoch } = header
    return !mayFollow({ baseOffset, leaderEpoch }, this.#nextOffset, this.leaderEpoch, isCleaned)
  }

  *#roll(baseOffset: number, isCleaned: boolean = false): Task<void> {
    const { files } = this.#context
    const closed = this.#segments.active
    this.#isSealed = false
    yield* this.#segments.roll(baseOffset, isCleaned)
    if (closed === undefined) return
    const file = yield* files.reopen(closed.logPath)
    yield* perform('flush', closed.logPath, () => file.flush())
    yield* this.#segments.writeGrownIndexes()
    closed.release()
  }

  /** Makes all of it durable. Returns what the log's checkpoint is to say of the partition. */
  *finish({ logStartOffset, nextOffset, cleanedOffset, producers }: PartitionEnd): Task<Uint8Array> {
    const end = Math.max(nextOffset, this.#nextOffset)
    yield* this.#roll(end)
    const { store } = this.#context
    yield* perform('syncDirectory', this.#directory, () => store.syncDirectory(this.#directory))
    const record = {
      topicId: this.#id.topicId,
      partition: this.#id.partition,
      logStartOffset,
      nextOffset: end,
      ceiling: 0,
      cleanedOffset: Math.min(cleanedOffset, end),
      readOnly: false,
      segments: this.#segments.all.map((segment) => segment.facts()),
      leaderEpochs: this.#leaderEpochs,
      producers,
    }
    this.release()
    // The active segment is empty, so there is no incomplete sector.
    return encodePartition(record, new Uint8Array(0))
  }

  /** Gives back files and kernel memory; may be called twice. */
  release(): void {
    this.#segments.release()
    this.#producers.free()
  }
}
