import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'

/** How batches are worked on. */
export interface Cycle {
  /** Answers what of the batch was done. */
  one(batch: DeliveredBatch, leftMs: number, signal: AbortSignalGiven): Promise<DeliveredBatch>
  /** Resolves when nothing of it runs any more. */
  end(): Promise<void>
}

/** Whether so much time passed from now on. */
export function over(port: RuntimePort, afterMs: number): () => boolean {
  const endMs = port.elapsed() + afterMs
  return () => port.elapsed() >= endMs
}
