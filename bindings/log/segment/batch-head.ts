import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'

/**
 * The part of a batch's header that lays out a segment, read in plain JavaScript: fetches and lookups need no more, and
 * their bytes needn't be in the kernel's memory. Checks here are of plausibility; only the CRC proves a batch
 * (batch-walk.ts). Source: Kafka's DefaultRecordBatch (kafka.md 1.1).
 */

const TWO_POW_32 = 0x1_0000_0000

export interface BatchHead {
  baseOffset: number
  nextOffset: number
  /** Size of the whole batch, with baseOffset and length field. */
  sizeBytes: number
  leaderEpoch: number
  maxTimestamp: number
}

/**
 * False if no batch of magic 2 with plausible numbers begins there. `view` must have at least BATCH_HEADER_BYTES from
 * `at` on.
 */
export function readHead(view: DataView, at: number, into: BatchHead): boolean {
  const sizeBytes = view.getInt32(at + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
  const lastOffsetDelta = view.getInt32(at + 23)
  into.baseOffset = int64(view, at)
  into.nextOffset = into.baseOffset + lastOffsetDelta + 1
  into.sizeBytes = sizeBytes
  into.leaderEpoch = view.getInt32(at + 12)
  into.maxTimestamp = int64(view, at + 35)
  return (
    view.getInt8(at + 16) === 2 &&
    sizeBytes >= BATCH_HEADER_BYTES &&
    lastOffsetDelta >= 0 &&
    into.baseOffset >= 0 &&
    Number.isSafeInteger(into.nextOffset) &&
    Number.isSafeInteger(into.maxTimestamp)
  )
}

/**
 * Whether a batch may follow one that ended before `expectedOffset`. Within a leader epoch offsets have no holes; only
 * an unclean open goes on higher, and it raises the epoch (durability rules 5 and 6d). So a damaged base offset, which
 * no CRC covers, shows as a jump. After compaction offsets may be missing anywhere.
 */
export function mayFollow(
  head: { readonly baseOffset: number; readonly leaderEpoch: number },
  expectedOffset: number,
  epochBefore: number,
  isCleaned: boolean,
): boolean {
  if (head.baseOffset === expectedOffset) return true
  return head.baseOffset > expectedOffset && (isCleaned || head.leaderEpoch > epochBefore)
}

/** The leader epoch of a batch; needs its first 16 bytes. */
export function leaderEpochOf(bytes: Uint8Array): number {
  return (at(bytes, 12) << 24) | (at(bytes, 13) << 16) | (at(bytes, 14) << 8) | at(bytes, 15)
}

/** The CRC in a batch's header; needs its first 21 bytes. */
export function crcOf(bytes: Uint8Array): number {
  return ((at(bytes, 17) << 24) | (at(bytes, 18) << 16) | (at(bytes, 19) << 8) | at(bytes, 20)) >>> 0
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}

export function newHead(): BatchHead {
  return { baseOffset: 0, nextOffset: 0, sizeBytes: 0, leaderEpoch: -1, maxTimestamp: -1 }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function int64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4)
}
