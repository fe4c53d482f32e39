import type { Kernel, KernelBuffer } from '../../../bindings/kernel/kernel.ts'
import { FileCache } from '../../../bindings/log/segment/file-cache.ts'
import type { Segment } from '../../../bindings/log/segment/segment.ts'
import { SCRATCH_BYTES, type SegmentContext } from '../../../bindings/log/segment/segment-context.ts'
import { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { WriteBuffers } from '../../../bindings/log/segment/write-buffers.ts'
import { type BatchWish, sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { FileStore } from '../../../bindings/storage/file-store.ts'
import type { SegmentConfig } from '../../../bindings/storage/partition-source.ts'
import type { SealedBatch } from '../../../bindings/storage/partition-store.ts'
import { allocate, newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

export const DIRECTORY = 'orders-0'

export const config: SegmentConfig = {
  segmentBytes: 4096,
  segmentMs: 1000,
  segmentIndexBytes: 1 << 20,
  indexIntervalBytes: 200,
}

/** Contexts come and go in thousands: each test file has one kernel and one scratch buffer for all of them. */
const kernel: Kernel = newKernel(1 << 28)
const scratch: KernelBuffer = allocate(kernel, SCRATCH_BYTES)

export function newContext(store: FileStore, filesMax = 8): SegmentContext {
  const writeBuffers = new WriteBuffers(() => true)
  return { kernel, store, files: new FileCache(store, filesMax), writeBuffers, scratch, maxBatchBytes: 1 << 20 }
}

export function newList(context: SegmentContext, changes: Partial<SegmentConfig> = {}): SegmentList {
  const list = new SegmentList(context, DIRECTORY, () => ({ ...config, ...changes }), [])
  runNow(list.roll(0))
  return list
}

/** As the next open finds it. */
export function reopened(
  list: { readonly all: readonly Pick<Segment, 'facts'>[] },
  store: FileStore,
  changes: Partial<SegmentConfig> = {},
): SegmentList {
  const facts = list.all.map((segment) => segment.facts())
  return new SegmentList(newContext(store), DIRECTORY, () => ({ ...config, ...changes }), facts)
}

/** Rolls where the list says so. */
export function append(list: SegmentList, wish: BatchWish): SealedBatch {
  return appendSealed(list, sealedBatch(wish))
}

export function appendSealed(list: SegmentList, batch: SealedBatch, mayWait: boolean = false): SealedBatch {
  if (!list.isReady) runNow(list.loadActive())
  if (list.mustRoll(batch)) runNow(list.roll(batch.baseOffset))
  list.place(batch, mayWait)
  return batch
}

/** Reads as a caller of the port does. */
export function read(list: SegmentList, offset: number, into: Uint8Array): number {
  for (;;) {
    const count = list.read(offset, into)
    if (count !== undefined) return count
    runNow(list.load(offset))
  }
}

export function join(batches: readonly SealedBatch[]): Uint8Array {
  return new Uint8Array(Buffer.concat(batches.map(({ bytes }) => bytes)))
}
