import type { AbortedTransaction } from '../../storage/partition-store.ts'
import { damagedFile } from './small-file.ts'

/**
 * Bytes of an entry: version 2, producer id 8, first offset 8, last offset 8, last stable offset 8, big-endian. Source:
 * Kafka's AbortedTxn.
 */
export const ABORTED_ENTRY_BYTES = 34
const VERSION = 0
const TWO_POW_32 = 0x1_0000_0000

export function writeAborted(view: DataView, at: number, aborted: AbortedTransaction): void {
  view.setInt16(at, VERSION)
  setUint64(view, at + 2, aborted.producerId)
  setUint64(view, at + 10, aborted.firstOffset)
  setUint64(view, at + 18, aborted.lastOffset)
  setUint64(view, at + 26, aborted.lastStableOffset)
}

/** CORRUPT_LOG, with `path` and the position in it, for an entry that `writeAborted` can't have written. */
export function readAborted(view: DataView, at: number, path: string): AbortedTransaction {
  const aborted = {
    producerId: uint64(view, at + 2),
    firstOffset: uint64(view, at + 10),
    lastOffset: uint64(view, at + 18),
    lastStableOffset: uint64(view, at + 26),
  }
  if (view.getInt16(at) !== VERSION) throw damagedFile(path, at, `the version is not ${VERSION}`)
  const isSane = Object.values(aborted).every((value) => Number.isSafeInteger(value))
  if (isSane && aborted.firstOffset <= aborted.lastOffset) return aborted
  throw damagedFile(path, at, 'the offsets are none of a transaction')
}

function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_POW_32))
  view.setUint32(at + 4, value % TWO_POW_32)
}

function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4)
}
