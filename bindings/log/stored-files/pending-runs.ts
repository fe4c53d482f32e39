import type { Kernel } from '../../kernel/kernel.ts'
import type { SealedBatch } from '../../storage/partition-store.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import type { Segment } from '../segment/segment.ts'

/** Neighbouring batches of one segment that no frame and no checkpoint covers yet. */
export interface PendingRun {
  readonly segment: Segment
  readonly position: number
  readonly baseOffset: number
  lengthBytes: number
  nextOffset: number
  maxTimestamp: number
  /** Running checksum over the heads of the run's batches (header-checksum.ts), which an extent names. */
  headerChecksum: number
  /**
   * The end of the run that the checkpoint under way doesn't note: once that checkpoint is durable, only this is left
   * of the run.
   */
  unnoted: PendingRun | undefined
}

/**
 * What a frame must cover of one partition: everything after the last offset that was journaled or synced (durability
 * rule 2).
 */
export class PendingRuns {
  #runs: PendingRun[] = []
  /** A checkpoint has noted the runs as they are now. */
  #isNoted = false

  /** `head`: the batch with its first 21 bytes only. True if it began a further run beside the present ones. */
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

  /** How many there are besides the first one. */
  get furtherCount(): number {
    return Math.max(0, this.#runs.length - 1)
  }

  /** A checkpoint notes all that there is now. */
  noted(): void {
    this.#isNoted = true
  }

  /**
   * That checkpoint is durable: runs below `nextOffset` needn't go into a frame. Without this, batches that ask for no
   * flush would pile up.
   */
  covered(nextOffset: number): void {
    this.#runs = this.#runs.flatMap((run) => {
      if (run.nextOffset <= nextOffset) return []
      return (run.unnoted?.baseOffset ?? -1) >= nextOffset ? [run.unnoted as PendingRun] : [run]
    })
  }

  /** Hands the runs over to a commit, which makes them durable or ends the log. */
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
