import type { Kernel, KeyedRecords } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { BatchBytes } from './batch-bytes.ts'

/**
 * The records of a batch, laid out and with their keys hashed by the kernel, until `visit` answers false. `records`: its own, decompressed.
 * CORRUPT_MESSAGE for bytes that are none.
 */
export function visitKeyed(
  { batchReader }: Pick<Kernel, 'batchReader'>,
  batch: BatchBytes,
  records: Uint8Array,
  visit: (keyed: KeyedRecords) => boolean,
): void {
  const fault = batchReader.visitKeyed(batch.bytes, records, visit)
  if (fault === undefined) return
  const message = `the batch at offset ${batch.baseOffset} holds records that are none: ${fault}`
  throw new LogError('CORRUPT_MESSAGE', message, { offset: batch.baseOffset, fault })
}
