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
}

/** What a frame must cover of one partition: from the last journaled or synced offset on (durability rule 2). */
export class PendingRuns {
  #runs: PendingRun[] = []
  /** The next batch begins a run of its own. */
  #isEnded = false

  /** `head`: the batch with its first 21 bytes only. */
  add(segment: Segment, head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): void {
    const last = this.#runs.at(-1)
    const isNext = last?.segment === segment && last.position + last.lengthBytes === position
    if (last !== undefined && isNext && !this.#isEnded) {
      last.lengthBytes += lengthBytes
      last.nextOffset = head.nextOffset
      last.headerChecksum = chainHeader(kernel, last.headerChecksum, head.bytes)
      last.maxTimestamp = Math.max(last.maxTimestamp, head.maxTimestamp)
      return
    }
    this.#isEnded = false
    const { baseOffset, nextOffset, maxTimestamp } = head
    const headerChecksum = chainHeader(kernel, NO_BATCHES, head.bytes)
    this.#runs.push({ segment, position, baseOffset, lengthBytes, nextOffset, maxTimestamp, headerChecksum })
  }

  /** A checkpoint notes all there is now: once it is durable, what comes from here on is all that is left for a frame. */
  end(): void {
    this.#isEnded = true
  }

  /** A durable checkpoint noted what lies below: of batches that ask for no flush there would be more and more. */
  covered(nextOffset: number): void {
    this.#runs = this.#runs.filter((run) => run.nextOffset > nextOffset)
  }

  /** A checkpoint covers them and the log starts behind them. */
  drop(segment: Segment): void {
    this.#runs = this.#runs.filter((run) => run.segment !== segment)
  }

  /** Hands the runs over: the commit that takes them covers them, or the log ends (rule 10). */
  take(): PendingRun[] {
    const runs = this.#runs
    this.#runs = []
    return runs
  }
}
