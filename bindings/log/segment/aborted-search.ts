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
  /** What was left out because its head leads nowhere may have begun transactions. */
  #isAnyUnread = false
  /** Damage that may hide a marker, and the last offset at which it does. */
  #hidden: LogError | undefined
  #hiddenOffset = -1
  // Of the segment at hand.
  #found: AbortedTransaction[] = []
  /** Its first damage: what comes after it may be read where no batch begins. */
  #damage: LogError | undefined
  #doubt: LogError | undefined

  beginSegment(): void {
    this.#found = []
    this.#damage = undefined
    this.#doubt = undefined
  }

  /** Takes the next batch. */
  take(header: Readonly<BatchHeader>, bytes: Uint8Array): void {
    const aborted = this.#scan.take(header, bytes)
    if (aborted !== undefined) this.#found.push(aborted)
    const isAbort = (header.attributes & ATTRIBUTE_CONTROL) !== 0 && !isCommitMarker(bytes)
    // A commit may be hidden between its first record and its marker, or what it aborts may begin in what was left out.
    const isHidden = aborted !== undefined && aborted.firstOffset < this.#hiddenOffset
    if (isHidden || (isAbort && this.#isAnyUnread)) this.#doubt ??= this.#hidden
  }

  /** Damage stands at this offset. `sizeBytes`: of the batch there, if its head leads on. */
  damaged(error: LogError, offset: number, sizeBytes: number | undefined): void {
    this.#damage ??= error
    if (sizeBytes === undefined || sizeBytes === MARKER_BYTES) {
      this.#doubt ??= this.#damage
      this.#hidden = this.#damage
      this.#hiddenOffset = offset
    }
    if (sizeBytes !== undefined) return
    // Nothing is known of what is open after it.
    this.#scan = new TransactionScan([])
    this.#isAnyUnread = true
  }

  /**
   * The segment's index has what was found in it. CORRUPT_MESSAGE where damage may hide more, unless the checksum that
   * was noted of the index is that of what was found.
   */
  replaceIndex(kernel: Kernel, index: AbortedIndex): void {
    if (this.#doubt !== undefined && !index.isNoted(kernel, this.#found)) throw this.#doubt
    index.replace(kernel, this.#found)
  }
}
