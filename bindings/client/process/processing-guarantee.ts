import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'

/** Handles batches and commits them, exactly once or at least once. */
export interface ProcessingGuarantee {
  /** Resolves with the part of the batch that is done. */
  process(batch: DeliveredBatch, leftMs: number, signal: AbortSignalGiven): Promise<DeliveredBatch>
  /** Resolves when nothing runs any more. */
  end(): Promise<void>
}

/** Returns a function that says whether `afterMs` have passed since this call. */
export function overAfter(port: RuntimePort, afterMs: number): () => boolean {
  const endMs = port.elapsed() + afterMs
  return () => port.elapsed() >= endMs
}
