import type { Kernel } from '../../kernel/kernel.ts'
import { allocate } from '../../model/allocate.ts'
import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { LogError } from '../../model/errors.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionStore } from '../../storage/partition-store.ts'
import { viewOf } from '../segment/batch-head.ts'
import { BatchBytes } from './batch-bytes.ts'

/** Bytes that one turn of the event loop works through, in some hundred microseconds. */
const TURN_BYTES = 64 * 1024

export interface StreamedPartition {
  readonly kernel: Pick<Kernel, 'crc32cOf'>
  readonly store: Pick<PartitionStore, 'read' | 'prepareRead'>
  readonly id: PartitionIdentity
}

/**
 * Visits the batches of a partition in order, each one checked, with turns for others in between. `visit` returns
 * whether to go on; the batch is valid until then. CORRUPT_MESSAGE for a batch that isn't intact.
 */
export function* streamBatches(
  { kernel, store, id }: StreamedPartition,
  fromOffset: number,
  toOffset: number,
  visit: (batch: BatchBytes) => Task<boolean>,
): Task<void> {
  let into = new Uint8Array(TURN_BYTES)
  for (let offset = fromOffset; offset < toOffset; ) {
    let count = store.read(id, offset, into)
    if (count === undefined) {
      yield* store.prepareRead(id, offset)
      count = store.read(id, offset, into) ?? 0
    }
    if (count < 0) {
      into = allocate(-count)
      continue
    }
    // The topic was deleted, or the file was closed to make room for another reader's file.
    if (count === 0) return
    for (let at = 0; at < count; ) {
      const batch = batchAt(kernel, id, into.subarray(0, count), at, offset)
      if (batch.baseOffset >= toOffset || !(yield* visit(batch))) return
      at += batch.bytes.length
      offset = batch.lastOffset + 1
    }
    yield* letOthersRun()
  }
}

function batchAt(
  kernel: Pick<Kernel, 'crc32cOf'>,
  { topic, partition }: PartitionIdentity,
  bytes: Uint8Array,
  at: number,
  offset: number,
): BatchBytes {
  const view = viewOf(bytes)
  const isHeadThere = at + BATCH_HEADER_BYTES <= bytes.length && view.getInt8(at + 16) === 2
  const sizeBytes = isHeadThere ? view.getInt32(at + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES : 0
  if (sizeBytes >= BATCH_HEADER_BYTES && at + sizeBytes <= bytes.length) {
    const batch = new BatchBytes(bytes.subarray(at, at + sizeBytes))
    if (kernel.crc32cOf(batch.bytes.subarray(21)) === view.getUint32(at + 17)) return batch
  }
  const message = `${topic}-${partition} can't be compacted: it is damaged at offset ${offset}`
  throw new LogError('CORRUPT_MESSAGE', message, { topic, partition, offset, fault: 'bad-crc' })
}
