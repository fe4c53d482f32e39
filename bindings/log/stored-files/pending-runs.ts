import type { Kernel } from '../../kernel/kernel.ts'
import type { SealedBatch } from '../../storage/partition-store.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import type { Segment } from '../segment/segment.ts'

/** Batches that lie side by side in one segment and that no frame and no checkpoint covers yet. */
export interface PendingRun {
  readonly segment: Segment
  readonly position: number
  readonly baseOffset: number
  lengthBytes: number
  nextOffset: number
  maxTimestamp: number
  /** Chained over the run's batches (header-checksum.ts): an extent names it. */
  headerChecksum: number
  /** The end of it that the checkpoint under way doesn't note: all that is left of it once that is durable. */
  unnoted: PendingRun | undefined
}

/** What a frame must cover of one partition: from the last journaled or synced offset on (durability rule 2). */
export class PendingRuns {
  #runs: PendingRun[] = []
  /** By a checkpoint, up to here. */
  #isNoted = false

  /** `head`: the batch with its first 21 bytes only. True: it began a run beside others. */
  add(segment: Segment, head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): boolean {
    const last = this.#runs.at(-1)
    const isNoted = this.#isNoted
    this.#isNoted = false
    if (last === undefined || last.segment !== segment || last.position + last.lengthBytes !== position) {
      return this.#runs.push(begun(segment, head, position, lengthBytes, kernel)) > 1
    }
    if (isNoted) last.unnoted = begun(segment, head, position, lengthBytes, kernel)
    else if (last.unnoted !== undefined) extend(last.unnoted, head, lengthBytes, kernel)
    extend(last, head, lengthBytes, kernel)
    return false
  }

  /** A checkpoint notes all there is now. */
  noted(): void {
    this.#isNoted = true
  }

  /** It is durable, up to there: of batches that ask for no flush there would be more and more. */
  covered(nextOffset: number): void {
    this.#runs = this.#runs.flatMap((run) => {
      if (run.nextOffset <= nextOffset) return []
      return (run.unnoted?.baseOffset ?? -1) >= nextOffset ? [run.unnoted as PendingRun] : [run]
    })
  }

  /** A checkpoint covers them and the log starts behind them. */
  drop(segment: Segment): void {
    this.#runs = this.#runs.filter((run) => run.segment !== segment)
  }

  /** Hands the runs over: the commit that takes them covers them, or the log is poisoned. */
  take(): PendingRun[] {
    const runs = this.#runs
    this.#runs = []
    return runs
  }
}

function begun(segment: Segment, head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): PendingRun {
  const { baseOffset, nextOffset, maxTimestamp } = head
  const headerChecksum = chainHeader(kernel, NO_BATCHES, head.bytes)
  return { segment, position, baseOffset, lengthBytes, nextOffset, maxTimestamp, headerChecksum, unnoted: undefined }
}

function extend(run: PendingRun, head: SealedBatch, lengthBytes: number, kernel: Kernel): void {
  run.lengthBytes += lengthBytes
  run.nextOffset = head.nextOffset
  run.headerChecksum = chainHeader(kernel, run.headerChecksum, head.bytes)
  run.maxTimestamp = Math.max(run.maxTimestamp, head.maxTimestamp)
}
