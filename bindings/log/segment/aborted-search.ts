import type { BatchHeader } from '../../kernel/kernel.ts'
import type { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { AbortedIndex } from './aborted-index.ts'
import { isCommitMarker, MARKER_BYTES, TransactionScan } from './transaction-scan.ts'

type Kernel = Parameters<AbortedIndex['replace']>[0]

/**
 * What the batches of a partition's segments, one after the other, tell of the transactions that were aborted, and what
 * damage among them may hide of that.
 */
export class AbortedSearch {
  #scan = new TransactionScan([])
  /** Records that retention, compaction or damage took: a marker may have aborted them, though it seems to end nothing. */
  #isAnyGone: boolean
  /** What was left out because its head leads nowhere may have begun transactions. */
  #isAnyUnread = false
  /** Damage that may hide a marker, and the last offset at which it does. */
  #hidden: LogError | undefined
  #hiddenOffset = -1
  // Of the segment at hand.
  #found: AbortedTransaction[] = []
  #markers = 0
  #damage: LogError | undefined
  #doubt: LogError | undefined

  constructor(isAnyGone: boolean) {
    this.#isAnyGone = isAnyGone
  }

  beginSegment(): void {
    this.#found = []
    this.#markers = 0
    this.#damage = undefined
    this.#doubt = undefined
  }

  /** Takes the next batch. */
  take(header: Readonly<BatchHeader>, bytes: Uint8Array): void {
    const aborted = this.#scan.take(header, bytes)
    if (aborted !== undefined) this.#found.push(aborted)
    const isAbort = (header.attributes & ATTRIBUTE_CONTROL) !== 0 && !isCommitMarker(bytes)
    if (aborted !== undefined || (isAbort && this.#isAnyGone)) this.#markers++
    // A commit may be hidden between its first record and its marker, or what it aborts may begin in what was left out.
    const isHidden = aborted !== undefined && aborted.firstOffset < this.#hiddenOffset
    if (isHidden || (isAbort && this.#isAnyUnread)) this.#doubt ??= this.#hidden
  }

  /** Damage stands at this offset. `sizeBytes`: of the batch there, if its head leads on. */
  damaged(error: LogError, offset: number, sizeBytes: number | undefined): void {
    this.#damage ??= error
    this.#isAnyGone = true
    if (sizeBytes === undefined || sizeBytes === MARKER_BYTES) {
      this.#hidden = this.#damage
      this.#hiddenOffset = offset
    }
    if (sizeBytes !== undefined) return
    // Nothing is known of what is open after it.
    this.#scan = new TransactionScan([])
    this.#isAnyUnread = true
  }

  /** The segment's index has what was found in it. CORRUPT_MESSAGE where damage may hide what was noted there. */
  replaceIndex(kernel: Kernel, index: AbortedIndex): void {
    if (this.#damage !== undefined && this.#markers < index.noted.entryCount) throw this.#damage
    if (this.#doubt !== undefined && !index.isNoted(kernel, this.#found)) throw this.#doubt
    index.replace(kernel, this.#found)
  }
}
