import type { BatchHeader } from '../../kernel/kernel.ts'
import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { FirstOpenOffsets } from './first-open-offsets.ts'

const MARKER_ABORT = 0
const MARKER_COMMIT = 1
/** Of a batch with a marker that ends something: no field of its one record has another length in another one. */
export const MARKER_BYTES: number = BATCH_HEADER_BYTES + 17

/**
 * Follows the transactions of one partition through its batches, in order: which are open, and which ones a marker
 * ends. A marker without data before it ends nothing (kafka.md 3.5).
 */
export class TransactionScan {
  readonly open: FirstOpenOffsets

  /** `producers`: as of the offset at which the scan begins. */
  constructor(producers: Iterable<StoredProducer>) {
    this.open = new FirstOpenOffsets(producers)
  }

  /** Takes the next batch; returns the transaction that it aborts. */
  take(header: Readonly<BatchHeader>, bytes: Uint8Array): AbortedTransaction | undefined {
    const { attributes, producerId, baseOffset } = header
    if (producerId < 0 || (attributes & ATTRIBUTE_TRANSACTIONAL) === 0) return undefined
    if ((attributes & ATTRIBUTE_CONTROL) === 0) {
      this.open.begin(producerId, baseOffset)
      return undefined
    }
    const type = markerType(bytes)
    if (type !== MARKER_ABORT && type !== MARKER_COMMIT) return undefined
    const firstOffset = this.open.end(producerId)
    if (type === MARKER_COMMIT || firstOffset < 0) return undefined
    return { producerId, firstOffset, lastOffset: baseOffset, lastStableOffset: this.open.lowest(baseOffset + 1) }
  }
}

/** Of a whole control batch. */
export function isCommitMarker(bytes: Uint8Array): boolean {
  return markerType(bytes) === MARKER_COMMIT
}

/** The key of a control batch's one record holds version and type, 2 bytes each (kafka.md 1.2, 1.3). */
function markerType(bytes: Uint8Array): number | undefined {
  let at = BATCH_HEADER_BYTES
  const skipVarint = () => {
    while (((bytes[at++] ?? 0) & 0x80) !== 0);
  }
  skipVarint() // length
  at++ // attributes
  skipVarint() // timestamp delta
  skipVarint() // offset delta
  skipVarint() // key length
  const high = bytes[at + 2]
  const low = bytes[at + 3]
  return high === undefined || low === undefined ? undefined : (high << 8) | low
}
