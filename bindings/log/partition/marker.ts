import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { SharedBlocks } from '../../model/batch-memory.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { encodeBatch } from './encode.ts'

/** The end of a producer's transaction in one partition. */
export interface Marker {
  readonly producerId: number
  /** Greater than the transaction's own (KIP-890), so that nothing of it is taken any more. */
  readonly producerEpoch: number
  readonly isCommit: boolean
}

const ABORT_KEY = Uint8Array.of(0, 0, 0, 0)
const COMMIT_KEY = Uint8Array.of(0, 0, 0, 1)
const value = new Uint8Array(6)
const valueView = new DataView(value.buffer)
/** Where every batch has its base offset. */
const offset = new Uint8Array(8)
const offsetView = new DataView(offset.buffer)
const copies = new SharedBlocks()

/** What the markers of one transaction have in common, besides its end. */
interface MarkerFacts {
  readonly leaderEpoch: number
  readonly now: number
}

/**
 * A control batch of 78 bytes: key int16 version 0, int16 type; value int16 version 0, int32 coordinator epoch, for
 * which the leader epoch stands, since one process holds partitions and coordinator. Source: kafka.md 1.3
 * (EndTransactionMarker). `setAside`: as in encodeBatch.
 */
export function encodeMarker(
  kernel: Kernel,
  { producerId, producerEpoch, isCommit }: Marker,
  { baseOffset, leaderEpoch, now }: MarkerFacts & { readonly baseOffset: number },
  setAside?: KernelBuffer,
): Uint8Array {
  const key = isCommit ? COMMIT_KEY : ABORT_KEY
  valueView.setInt32(2, leaderEpoch)
  const attributes = ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL
  const seal = {
    baseOffset,
    partitionLeaderEpoch: leaderEpoch,
    producerId,
    producerEpoch,
    baseSequence: -1,
    attributes,
  }
  return encodeBatch(kernel, [{ key, value, timestamp: now, headers: undefined }], seal, now, setAside)
}

/**
 * One marker for each of these offsets, which may be of several partitions. They differ in nothing but the offset,
 * which no CRC covers: so the batch is encoded once.
 */
export function encodeMarkers(
  kernel: Kernel,
  marker: Marker,
  { baseOffsets, leaderEpoch, now }: MarkerFacts & { readonly baseOffsets: readonly number[] },
  setAside?: KernelBuffer,
): Uint8Array[] {
  const first = encodeMarker(kernel, marker, { baseOffset: 0, leaderEpoch, now }, setAside)
  return baseOffsets.map((baseOffset) => {
    const bytes = copies.take(first.length)
    bytes.set(first)
    offsetView.setInt32(0, Math.floor(baseOffset / 2 ** 32))
    offsetView.setUint32(4, baseOffset >>> 0)
    bytes.set(offset)
    return bytes
  })
}

/**
 * The state of a producer after a marker: its epoch is in force, sequences begin again, nothing is open (kafka.md 3.5).
 */
export function afterMarker(
  producerId: number,
  producerEpoch: number,
  coordinatorEpoch: number,
  markerTimestamp: number,
): StoredProducer {
  return {
    producerId,
    producerEpoch,
    coordinatorEpoch,
    currentTransactionFirstOffset: -1,
    batches: [],
    markerTimestamp,
  }
}
