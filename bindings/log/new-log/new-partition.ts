import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { PartitionIdentity, SegmentConfig, StoredProducer } from '../../storage/partition-store.ts'
import { PARTITION_METADATA, partitionDirectory } from '../files/file-names.ts'
import { assignLeaderEpoch, type LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { ProducerScan } from '../partition/producer-scan.ts'
import { mayFollow } from '../segment/batch-frame.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { encodePartition } from '../store/checkpointer.ts'
import { createFile } from '../store/copy-directory.ts'

/** What a partition's batches don't tell. */
export interface PartitionEnd {
  readonly logStartOffset: number
  /** Of the next record; never below the end of the last batch. */
  readonly nextOffset: number
  /** How far compaction came. */
  readonly cleanedOffset: number
  /** What is remembered of each producer. */
  readonly producers: readonly StoredProducer[]
}

/**
 * One partition of a new log: whole batches, each with the offsets, epoch and producer that it has. Offsets may be missing between
 * two of them. Such a hole stands between two segments, so that within one every offset still follows from the one before and a damaged one is
 * seen; only what compaction left has holes anywhere. The log goes on in a segment of its own, and never writes to these again.
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
  /** The greatest of any batch, -1 without one. */
  producerIdMax = -1

  private constructor(context: SegmentContext, id: PartitionIdentity, config: SegmentConfig) {
    this.#context = context
    this.#id = id
    this.#directory = partitionDirectory(id.topic, id.partition)
    this.#segments = new SegmentList(context, this.#directory, () => config, [])
    this.#producers = new ProducerScan(context.kernel, [])
  }

  static *begin(context: SegmentContext, id: PartitionIdentity, config: SegmentConfig): Task<NewPartition> {
    const partition = new NewPartition(context, id, config)
    const metadata = yield* createFile(context.store, `${partition.#directory}/${PARTITION_METADATA}`)
    writeFully(metadata, formatPartitionMetadata(id.topicId), 0)
    yield* performAll([flushOf(metadata)])
    metadata.close()
    return partition
  }

  /** After the last batch. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get leaderEpoch(): number {
    return this.#leaderEpochs.at(-1)?.epoch ?? 0
  }

  /** As the batches so far tell it. */
  producers(): readonly StoredProducer[] {
    return this.#producers.stored()
  }

  /** The next batch begins a segment. */
  seal(): void {
    this.#isSealed = true
  }

  /**
   * A batch whose CRC holds, above those before it; INVALID_REQUEST for another. `isCleaned`: compaction left it, so that offsets may be
   * missing before it without a hole in what was acknowledged. Begins segments by the topic's config, and where it must.
   */
  *append(batch: ScannedBatch, isCleaned: boolean = false): Task<void> {
    const { header, nextOffset } = batch
    const { baseOffset, maxTimestamp, partitionLeaderEpoch } = header
    if (baseOffset < this.#nextOffset) throw this.#goesBack(baseOffset)
    const aborted = this.#producers.endsTransaction(header, batch.bytes)
    const sealed = { bytes: batch.bytes, baseOffset, nextOffset, maxTimestamp }
    if (this.#beginsSegment(batch, isCleaned) || this.#segments.mustRoll(sealed)) {
      // A view of kernel memory, which a roll may move.
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

  #goesBack(offset: number): LogError {
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

  *#roll(baseOffset: number, isCleaned: boolean): Task<void> {
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

  /** All of it is durable then. Answers what the log's checkpoint says of the partition. */
  *finish({ logStartOffset, nextOffset, cleanedOffset, producers }: PartitionEnd): Task<Uint8Array> {
    const end = Math.max(nextOffset, this.#nextOffset)
    yield* this.#roll(end, false)
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
    // Its active segment is empty: there is no incomplete sector.
    return encodePartition(record, new Uint8Array(0))
  }

  /** Gives files and kernel memory back; again is fine. */
  release(): void {
    this.#segments.release()
    this.#producers.free()
  }
}
