import { ATTRIBUTE_CODEC } from '../../model/compression.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { crcOf } from '../segment/batch-head.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { Hole, IntactRun } from './intact-run.ts'
import { agreement, type Bounds, batchAt, nextBatch, type Place } from './next-batch.ts'
import { type Patch, patchedFile } from './patched-file.ts'
import { type ProvenHeads, provenHeads } from './proven-heads.ts'
import { type SurveyContext, TURN_BYTES } from './survey-context.ts'

/** One `.log` file, and what is known of it. */
export interface SegmentRemains {
  readonly path: string
  readonly baseOffset: number
  /** The segment as the checkpoint notes it. */
  readonly noted: CheckpointSegment | undefined
  /** Compaction wrote it, or may have. */
  readonly isCleaned: boolean
  /** Checkpoint, frames or a later segment say that batches were written up to here. */
  readonly coveredBytes: number
  /** The offset after its covered batches; infinite if nothing tells it. */
  readonly endOffset: number
  /** Whether batches that were acknowledged to nobody may follow what is covered. */
  readonly mayGoOn: boolean
  /** Bytes of it that checkpoint and frames have too. */
  readonly patches: readonly Patch[]
}

export type BatchVisit = (batch: ScannedBatch, position: number, isWhole: boolean) => void

export interface SurveyedSegment {
  readonly runs: readonly IntactRun[]
  readonly holes: readonly Hole[]
  /** The offset after what is there or was there. */
  readonly nextOffset: number
  /** It is whole, and not what the checkpoint noted. */
  readonly isForeign: boolean
}

/**
 * Finds the intact batches of a segment. A batch is proven by its CRC. What the CRC leaves out, above all the offset,
 * is proven by the checkpoint's checksum over all heads; where damage keeps that from being computed, by the batches
 * before and after. If all batches are whole and their heads aren't those that the checkpoint noted, the segment is
 * another log's: nothing in it is proven.
 */
export class SegmentSurvey {
  readonly #context: SurveyContext
  readonly #remains: SegmentRemains
  readonly #visit: BatchVisit
  #runs: IntactRun[] = []
  readonly #holes: Hole[] = []
  #place: Place
  #maxTimestamp = -1
  #isForeign = false

  /**
   * `visit` gets every whole batch while its bytes are valid; its `isWhole` says that none before it in this segment is
   * missing.
   */
  constructor(context: SurveyContext, remains: SegmentRemains, visit: BatchVisit = () => {}) {
    this.#context = context
    this.#visit = visit
    this.#remains = remains
    this.#place = { position: 0, offset: remains.baseOffset, leaderEpoch: -1 }
  }

  *run(): Task<SurveyedSegment> {
    const { path, endOffset, coveredBytes } = this.#remains
    const file = yield* openFile(this.#context.store, path)
    if (file === undefined) {
      if (coveredBytes > 0) this.#lose(this.#place.offset, endOffset, 0, 'is missing')
    } else {
      try {
        yield* this.#read(file)
      } finally {
        file.close()
      }
    }
    return { runs: this.#runs, holes: this.#holes, nextOffset: this.#place.offset, isForeign: this.#isForeign }
  }

  *#read(found: StoreFile): Task<void> {
    const { coveredBytes, endOffset, mayGoOn, noted, patches } = this.#remains
    const file = patchedFile(found, patches)
    const sizeBytes = file.size()
    const bounds = { file, leaderEpoch: this.#context.leaderEpoch, isCleaned: this.#remains.isCleaned }
    if (noted !== undefined) yield* this.#readNoted(file, found, noted)
    const endPosition = Math.min(coveredBytes, sizeBytes)
    if (!this.#isForeign) yield* this.#walk({ ...bounds, endPosition, endOffset }, 'pass over')
    if (Number.isFinite(endOffset)) this.#lose(this.#place.offset, endOffset, endPosition, 'shorter than it was')
    if (mayGoOn && !this.#isForeign)
      yield* this.#walk({ ...bounds, endPosition: sizeBytes, endOffset: Number.POSITIVE_INFINITY }, 'stop')
  }

  *#readNoted(file: StoreFile, unpatched: StoreFile, noted: CheckpointSegment): Task<void> {
    const endPosition = Math.min(noted.sizeBytes, file.size())
    const heads = yield* provenHeads(this.#context, file, noted)
    if (heads !== undefined) {
      yield* this.#takeProven(file, noted, heads)
      // Patches alone may be what is proven.
      this.#isForeign = !this.#mayBeOf(unpatched, noted)
    } else {
      const bounds = { file, endPosition, endOffset: noted.nextOffset, isCleaned: this.#remains.isCleaned }
      yield* this.#walk({ ...bounds, leaderEpoch: this.#context.leaderEpoch }, 'pass over')
      this.#isForeign = !this.#mayBeOf(unpatched, noted) || (yield* this.#isWhole(unpatched, noted))
      if (this.#isForeign) {
        this.#runs = []
        this.#place = { ...this.#place, offset: this.#remains.baseOffset }
        this.#lose(this.#remains.baseOffset, noted.nextOffset, 0, 'batch headers differ from the checkpoint')
      }
      this.#lose(this.#place.offset, noted.nextOffset, endPosition, 'shorter than the checkpoint says')
    }
    this.#place = { ...this.#place, position: noted.sizeBytes }
  }

  /**
   * Whether every batch is there, one after the other, as it was written: up to the noted end, or across it, where none
   * of this log's batches lies.
   */
  *#isWhole(file: StoreFile, { sizeBytes, nextOffset }: CheckpointSegment): Task<boolean> {
    const { leaderEpoch, scanner } = this.#context
    const bounds = {
      file,
      endPosition: sizeBytes,
      endOffset: nextOffset,
      isCleaned: this.#remains.isCleaned,
      leaderEpoch,
    }
    let place: Place = { position: 0, offset: this.#remains.baseOffset, leaderEpoch: -1 }
    while (place.position < sizeBytes) {
      const batch = batchAt(scanner, bounds, place)
      if (batch === undefined) {
        const beyond = batchAt(
          scanner,
          { ...bounds, endPosition: file.size(), endOffset: Number.POSITIVE_INFINITY },
          place,
        )
        return beyond?.header.baseOffset === place.offset
      }
      const { sizeBytes: batchBytes, partitionLeaderEpoch } = batch.header
      place = { position: place.position + batchBytes, offset: batch.nextOffset, leaderEpoch: partitionLeaderEpoch }
      yield* letOthersRun()
    }
    return place.offset === nextOffset
  }

  /** If damage has cut a foreign segment, only its first batch and its timestamps tell it from the log's own. */
  #mayBeOf(file: StoreFile, { sizeBytes, firstTimestamp, firstCrc, maxTimestamp }: CheckpointSegment): boolean {
    if (this.#maxTimestamp > maxTimestamp) return false
    if (sizeBytes === 0) return true
    const first = this.#context.scanner.inFile(file, 0, file.size())
    if (typeof first === 'string') return true
    // The noted time is that of the first batch that has one.
    const time = first.header.maxTimestamp
    if (time >= 0 && firstTimestamp >= 0 && time !== firstTimestamp) return false
    return firstCrc === undefined || crcOf(first.bytes) === firstCrc
  }

  /** Every batch lies where the proven heads say; only its own CRC can still fail. */
  *#takeProven(
    file: StoreFile,
    noted: CheckpointSegment,
    { positions, baseOffsets, flipped }: ProvenHeads,
  ): Task<void> {
    let lost: Omit<Hole, 'nextOffset'> | undefined
    let turnEnd = TURN_BYTES
    for (const [index, position] of positions.entries()) {
      const isProven = index !== flipped
      const baseOffset = isProven ? (baseOffsets[index] ?? 0) : this.#place.offset
      if (isProven && lost !== undefined) {
        this.#holes.push({ ...lost, nextOffset: baseOffset })
        lost = undefined
      }
      const batch = this.#context.scanner.inFile(file, position, positions[index + 1] ?? noted.sizeBytes)
      const fault = typeof batch === 'string' ? batch : isProven ? undefined : 'the head differs from the checkpoint'
      if (typeof batch === 'string' || fault !== undefined) {
        lost ??= { offset: baseOffset, file: file.path, position, code: fault ?? '' }
        this.#place = { ...this.#place, offset: baseOffset }
      } else this.#take(batch, position)
      if (position < turnEnd) continue
      turnEnd = position + TURN_BYTES
      yield* letOthersRun()
    }
    if (lost !== undefined) this.#holes.push({ ...lost, nextOffset: noted.nextOffset })
    this.#place = { ...this.#place, offset: noted.nextOffset }
  }

  /**
   * Takes batches up to the end of the bounds. What isn't whole there is damage, to pass over; or it was acknowledged to
   * nobody, and the walk stops.
   */
  *#walk(bounds: Bounds, whereBroken: 'pass over' | 'stop'): Task<void> {
    let turnEnd = this.#place.position + TURN_BYTES
    while (this.#place.position < bounds.endPosition) {
      const { position } = this.#place
      if (this.#hasNext(bounds)) {
        const batch = this.#context.scanner.inFile(bounds.file, position, bounds.endPosition)
        if (typeof batch !== 'string') this.#take(batch, position)
      } else if (whereBroken === 'pass over') yield* this.#passOver(bounds)
      else return
      if (position < turnEnd) continue
      turnEnd = position + TURN_BYTES
      yield* letOthersRun()
    }
  }

  /**
   * Whether a batch stands at the present place. If its offset jumps, the next batch must not contradict that; at the
   * beginning of a segment that no checkpoint knows there must be a next one, since its name says another offset.
   */
  #hasNext(bounds: Bounds): boolean {
    const { scanner } = this.#context
    const { position, offset } = this.#place
    const batch = batchAt(scanner, bounds, this.#place)
    if (batch === undefined) return false
    if (batch.header.baseOffset === offset) return true
    const isNamedOtherwise = position === 0 && this.#remains.noted === undefined && !bounds.isCleaned
    const isLast = batch.header.sizeBytes === bounds.endPosition
    if (isNamedOtherwise && isLast) return false
    const told = agreement(scanner, bounds, batch, position)
    return isNamedOtherwise ? told === 'agrees' : told !== 'contradicts'
  }

  #take(batch: ScannedBatch, position: number): void {
    const { header, nextOffset } = batch
    const { baseOffset, sizeBytes, partitionLeaderEpoch: leaderEpoch } = header
    this.#visit(batch, position, this.#holes.length === 0)
    this.#context.progressed(sizeBytes)
    this.#maxTimestamp = Math.max(this.#maxTimestamp, header.maxTimestamp)
    this.#place = { position: position + sizeBytes, offset: nextOffset, leaderEpoch }
    const isCompressed = (header.attributes & ATTRIBUTE_CODEC) !== 0
    const fault = isCompressed ? this.#context.scanner.recordsFault(batch) : undefined
    if (fault === undefined) this.#join(position, position + sizeBytes, baseOffset, nextOffset)
    else this.#lose(baseOffset, nextOffset, position, fault)
  }

  #join(position: number, end: number, baseOffset: number, nextOffset: number): void {
    const last = this.#runs.at(-1)
    const { path, patches, isCleaned } = this.#remains
    if (last !== undefined && 'end' in last.from && last.from.end === position) {
      this.#runs.splice(-1, 1, { ...last, nextOffset, from: { ...last.from, end } })
    } else this.#runs.push({ baseOffset, nextOffset, isCleaned, from: { path, position, end, patches } })
  }

  *#passOver(bounds: Bounds): Task<void> {
    const { scanner } = this.#context
    const { position, offset } = this.#place
    const found = scanner.inFile(bounds.file, position, bounds.endPosition)
    const fault = typeof found === 'string' ? found : 'out-of-order'
    const next = (yield* nextBatch(scanner, bounds, this.#place)) ?? {
      position: bounds.endPosition,
      offset: bounds.endOffset,
    }
    this.#lose(offset, next.offset, position, fault)
    this.#place = { ...this.#place, position: next.position }
  }

  /** `nextOffset` is infinite if it isn't known how far the loss goes. */
  #lose(offset: number, nextOffset: number, position: number, code: string): void {
    if (nextOffset <= offset) return
    const isKnown = Number.isFinite(nextOffset)
    const file = this.#remains.path
    this.#holes.push({ offset, nextOffset: isKnown ? nextOffset : undefined, file, position, code })
    if (isKnown) this.#place = { ...this.#place, offset: Math.max(this.#place.offset, nextOffset) }
  }
}
