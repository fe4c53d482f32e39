import type { StoreFile } from '../../storage/file-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { crcOf } from './batch-head.ts'
import { compareWithNoted, type NotedBatches } from './foreign-file.ts'
import { chainHeader } from './header-checksum.ts'
import type { SegmentContext } from './segment-context.ts'
import { damagedSegment } from './segment-damage.ts'

/** What a checkpoint notes of a segment's batches. */
type BatchFacts = Omit<CheckpointSegment, 'offsetIndex' | 'timeIndex' | 'abortedIndex' | 'isCleaned'>

/**
 * What is known of a segment's batches: where they end, their times, and what tells them from another file's batches.
 */
export class SegmentBatches {
  readonly #context: SegmentContext
  readonly #baseOffset: number
  #nextOffset: number
  #sizeBytes: number
  #maxTimestamp: number
  #maxTimestampOffset: number
  #firstTimestamp: number
  #firstCrc: number | undefined
  #headerChecksum: number
  /** What the checkpoint said of the file, until the first use has compared it. */
  #unproven: NotedBatches | undefined

  constructor(context: SegmentContext, facts: BatchFacts) {
    this.#context = context
    this.#baseOffset = facts.baseOffset
    this.#nextOffset = facts.nextOffset
    this.#sizeBytes = facts.sizeBytes
    this.#maxTimestamp = facts.maxTimestamp
    this.#maxTimestampOffset = facts.maxTimestampOffset
    this.#firstTimestamp = facts.firstTimestamp
    this.#firstCrc = facts.firstCrc
    this.#headerChecksum = facts.headerChecksum
    if (facts.sizeBytes > 0) this.#unproven = facts
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Timestamp of the first batch that has one; -1 if none is known. */
  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  facts(): BatchFacts {
    return {
      baseOffset: this.#baseOffset,
      nextOffset: this.#nextOffset,
      sizeBytes: this.#sizeBytes,
      maxTimestamp: this.#maxTimestamp,
      maxTimestampOffset: this.#maxTimestampOffset,
      firstTimestamp: this.#firstTimestamp,
      firstCrc: this.#firstCrc,
      headerChecksum: this.#headerChecksum,
    }
  }

  /** Adds the next batch. `bytes`: at least its head. */
  add(bytes: Uint8Array, sizeBytes: number, nextOffset: number, maxTimestamp: number): void {
    this.#headerChecksum = chainHeader(this.#context.kernel, this.#headerChecksum, bytes)
    if (this.#sizeBytes === 0) this.#firstCrc = crcOf(bytes)
    if (this.#firstTimestamp < 0) this.#firstTimestamp = maxTimestamp
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#maxTimestampOffset = nextOffset - 1
    }
    this.#sizeBytes += sizeBytes
    this.#nextOffset = nextOffset
  }

  /**
   * CORRUPT_MESSAGE if the file holds other batches than the checkpoint noted. Compares once, and again where batches
   * of the file don't follow each other: somebody may have repaired it by then.
   */
  prove(file: StoreFile, logPath: string): void {
    if (this.#unproven === undefined) return
    const found = compareWithNoted(this.#context, file, this.#unproven)
    if (found === 'others') {
      const message = `${logPath} holds other batches than the log's, or one of its batch headers is damaged`
      const fault = { position: 0, offset: this.#baseOffset, fault: 'headers-differ' }
      throw damagedSegment(logPath, fault, message)
    }
    if (found === 'noted') this.#unproven = undefined
  }
}
