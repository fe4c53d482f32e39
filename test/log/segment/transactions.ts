import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { type BatchWish, sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { AbortedTransaction, SealedBatch } from '../../../bindings/storage/partition-store.ts'
import { fromHex, newKernel } from '../../kernel/support.ts'
import { appendSealed } from './support.ts'

const kernel = newKernel(1 << 23)
const TRANSACTIONAL = 0x10

/** kafka.md 1.6, an ABORT and a COMMIT marker, made by Apache Kafka's own writer. */
const ABORT_MARKER =
  '000000000000002a0000004200000000022fa54d040030000000000000018bcfe568000000018bcfe56800' +
  '0000000000000fa00001ffffffff000000012000000008000000000c00000000000300'
const COMMIT_MARKER =
  '000000000000002a000000420000000002db9b9b4c0030000000000000018bcfe568000000018bcfe56800' +
  '0000000000000fa00001ffffffff000000012000000008000000010c00000000000300'

function changed(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  change(view)
  view.setUint32(17, kernel.crc32cOf(bytes.subarray(21)))
  return bytes
}

export function transactional(wish: BatchWish): SealedBatch {
  const batch = sealedBatch(wish)
  changed(batch.bytes, (view) => view.setInt16(21, TRANSACTIONAL))
  return batch
}

function marker(baseOffset: number, producerId: number, isAbort: boolean): SealedBatch {
  const bytes = changed(fromHex(isAbort ? ABORT_MARKER : COMMIT_MARKER), (view) => {
    view.setBigInt64(0, BigInt(baseOffset))
    view.setBigInt64(27, 1000n)
    view.setBigInt64(35, 1000n)
    view.setBigInt64(43, BigInt(producerId))
  })
  return { bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: 1000 }
}

/** Appends what transactions do, and records each abort as whoever ends them does. */
export class TransactionStory {
  readonly list: SegmentList
  readonly aborted: AbortedTransaction[] = []
  readonly #open = new Map<number, number>()

  constructor(list: SegmentList) {
    this.list = list
  }

  get nextOffset(): number {
    return this.list.active?.nextOffset ?? 0
  }

  data(producerId: number): void {
    if (!this.#open.has(producerId)) this.#open.set(producerId, this.nextOffset)
    appendSealed(this.list, transactional({ baseOffset: this.nextOffset, producerId, valueBytes: 40 }))
  }

  commit(producerId: number): void {
    this.#open.delete(producerId)
    appendSealed(this.list, marker(this.nextOffset, producerId, false))
  }

  /** With `mayWait` the segment has the marker before its file does. */
  abort(producerId: number, mayWait: boolean = false): void {
    const lastOffset = this.nextOffset
    const firstOffset = this.#open.get(producerId)
    this.#open.delete(producerId)
    appendSealed(this.list, marker(lastOffset, producerId, true), mayWait)
    if (firstOffset === undefined) return
    const lastStableOffset = Math.min(lastOffset + 1, ...this.#open.values())
    const entry = { producerId, firstOffset, lastOffset, lastStableOffset }
    this.list.recordAborted(entry)
    this.aborted.push(entry)
  }
}
