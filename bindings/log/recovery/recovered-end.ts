import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import type { Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SealedBatch } from '../../storage/partition-store.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { ProducerScan } from '../partition/producer-scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { newHead, readHead, viewOf } from '../segment/batch-head.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { LostPart } from './missing-segments.ts'
import type { RecoveryContext } from './recovery-context.ts'
import { TailCut } from './tail-cut.ts'

/**
 * The end of a partition, as far as recovery has brought it back. Batches are added one after the other, each at the
 * next offset, and with each its producer, its epoch and the transaction that it may abort are learned. Damage ends it:
 * nothing is added after that.
 */
export class RecoveredEnd {
  readonly files: StoredFiles
  readonly producers: ProducerScan
  readonly tail: TailCut
  /** What is known to be lost. It is told only at the end: frames will be reused, so all they hold is brought back first. */
  readonly lost: LostPart[] = []
  /** The offsets before the next one have no place. */
  #isBehindGap = false
  readonly #context: RecoveryContext

  constructor(context: RecoveryContext, files: StoredFiles, noted: CheckpointPartition | undefined) {
    this.#context = context
    this.files = files
    this.producers = new ProducerScan(context.kernel, files.id, noted?.producers ?? [])
    this.tail = new TailCut(context, files)
  }

  get activeBase(): number {
    return this.files.segments.active?.baseOffset ?? -1
  }

  /** The file has it when the partition is done (`RecoveryContext.writes`). */
  *place(batch: ScannedBatch, beginsSegment: boolean = false): Task<void> {
    const { files } = this
    const { header, nextOffset } = batch
    let sealed = sealedOf(batch)
    if (files.segments.active === undefined || beginsSegment || this.#isBehindGap) {
      sealed = { ...sealed, bytes: batch.bytes.slice() }
      yield* this.roll()
    }
    // Not before the roll: the roll's snapshot says which transactions were open there.
    const aborted = this.producers.endsTransaction(header, sealed.bytes)
    const { logPath, sizeBytes } = files.segments.active as Segment
    yield* this.#context.writes.write(logPath, sealed.bytes, sizeBytes)
    files.segments.adopt(sealed)
    if (aborted !== undefined) files.segments.recordAborted(aborted)
    this.#grew(header, nextOffset)
  }

  #grew(header: ScannedBatch['header'], nextOffset: number): void {
    const { files } = this
    files.learnEpoch(header.partitionLeaderEpoch, header.baseOffset)
    files.nextOffset = nextOffset
    if (files.segments.active !== undefined) files.unsynced.add(files.segments.active)
    this.producers.learn(header)
  }

  /**
   * Of an extent only its first and last sector are written again. The rest was synced before its frame could be
   * written; the frame holds no copy of it, and a torn write would destroy synced sectors. No marker is in an extent:
   * decisions are in frames.
   */
  adopt({ header, bytes, nextOffset }: ScannedBatch): void {
    this.producers.endsTransaction(header, bytes)
    this.files.segments.adopt(sealedOf({ header, bytes, nextOffset }))
    this.#grew(header, nextOffset)
  }

  /** Batches whose file is gone: what follows begins a segment. */
  leaveGap(part: LostPart, nextOffset: number): void {
    this.lost.push(part)
    this.#lostEpoch()
    this.files.nextOffset = nextOffset
    this.#isBehindGap = true
  }

  /**
   * A batch that stands at `position` and isn't whole: it stays as it is, so that what follows has its place. If its head
   * doesn't lead on, all up to `end` is one piece. Returns where that ends.
   */
  passOver(file: StoreFile, position: number, end: number, nextOffset: number): number {
    const { files } = this
    this.#lostEpoch()
    const head = newHead()
    const start = new Uint8Array(BATCH_HEADER_BYTES)
    file.read(start, position)
    const isHead = readHead(viewOf(start), 0, head) && head.baseOffset === files.nextOffset
    const leadsOn = isHead && position + head.sizeBytes < end && head.nextOffset < nextOffset
    const sizeBytes = leadsOn ? head.sizeBytes : end - position
    files.nextOffset = leadsOn ? head.nextOffset : nextOffset
    const piece = { bytes: start, baseOffset: head.baseOffset, nextOffset: files.nextOffset, maxTimestamp: -1 }
    files.segments.adopt(piece, sizeBytes)
    if (files.segments.active !== undefined) files.unsynced.add(files.segments.active)
    return position + sizeBytes
  }

  /** What is lost here was of the life that ended, as all that frames since the checkpoint name. */
  #lostEpoch(): void {
    this.files.learnEpoch(this.#context.leaderEpoch, this.files.nextOffset)
  }

  /** This segment ends where the next one begins: what stands after that was never acknowledged. */
  *roll(): Task<void> {
    yield* this.tail.cutActive()
    recoveryMarks.hit('roll-again')
    this.#isBehindGap = false
    yield* this.files.roll(this.#context.kernel, this.producers.stored())
  }

  /** A batch that skips offsets: the records at these are lost. */
  jump(batch: ScannedBatch): void {
    this.damaged(this.files.directory, 0, batch.header.baseOffset, 'CORRUPT_LOG')
  }

  tellLost(): void {
    for (const { file, position, offset, code } of this.lost.splice(0)) this.damaged(file, position, offset, code)
  }

  damaged(file: string, position: number, offset: number, code: string): void {
    const { topic, partition } = this.files.id
    this.#context.damage.push({ file, position, topic, partition, offset, code })
    this.files.damaged({ file, position, offset, code })
  }
}

export function sealedOf({ header, bytes, nextOffset }: ScannedBatch): SealedBatch {
  return { bytes, baseOffset: header.baseOffset, nextOffset, maxTimestamp: header.maxTimestamp }
}
