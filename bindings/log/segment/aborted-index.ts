import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile, openFile } from '../../storage/open-file.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import { isReadFailure } from '../../storage/read-failure.ts'
import type { NotedIndex } from '../checkpoint/checkpoint-record.ts'
import { ABORTED_ENTRY_BYTES, readAborted, writeAborted } from '../files/aborted-transaction.ts'
import { viewOf } from './batch-head.ts'

const FIRST_ENTRIES = 8
const CHAINED_BYTES = 4
const piece = new Uint8Array(CHAINED_BYTES + ABORTED_ENTRY_BYTES)
const pieceView = viewOf(piece)

type Checksum = Pick<Kernel, 'crc32cOf'>

/** A running checksum over whole entries: each step needs only the sum before it, as in header-checksum.ts. */
export function chainEntries(kernel: Checksum, before: number, entries: Uint8Array): number {
  let checksum = before
  for (let at = 0; at < entries.length; at += ABORTED_ENTRY_BYTES) {
    pieceView.setUint32(0, checksum)
    piece.set(entries.subarray(at, at + ABORTED_ENTRY_BYTES), CHAINED_BYTES)
    checksum = kernel.crc32cOf(piece)
  }
  return checksum
}

/**
 * The aborted transactions whose markers stand in one segment: Kafka's `.txnindex`. The checkpoint notes their number
 * and a checksum, so a file that isn't as noted is recognised, and the entries are then learned from the markers
 * (transaction-scan.ts). Memory holds the entries that aren't in the file yet, and all of them once a read asked.
 */
export class AbortedIndex {
  readonly #path: string
  #noted: NotedIndex
  /** The file's first entries, if they aren't in memory. */
  #absent: NotedIndex
  /** The entries after the absent ones, followed by free room. */
  #bytes: Uint8Array = new Uint8Array(0)
  /** How many entries the file has, as far as is known. */
  #written: number

  constructor(path: string, noted: NotedIndex) {
    this.#path = path
    this.#noted = noted
    this.#absent = noted
    this.#written = noted.entryCount
  }

  /** What a checkpoint says of all entries, whether a file has them yet or not. */
  get noted(): NotedIndex {
    return this.#noted
  }

  get isLoaded(): boolean {
    return this.#absent.entryCount === 0
  }

  get hasUnwritten(): boolean {
    return this.#written < this.#noted.entryCount
  }

  /** To be called in the order of the markers. */
  add(kernel: Checksum, aborted: AbortedTransaction): void {
    const at = this.#present().length
    if (at + ABORTED_ENTRY_BYTES > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(FIRST_ENTRIES * ABORTED_ENTRY_BYTES, at * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    writeAborted(viewOf(this.#bytes), at, aborted)
    const entry = this.#bytes.subarray(at, at + ABORTED_ENTRY_BYTES)
    const { entryCount, checksum } = this.#noted
    this.#noted = { entryCount: entryCount + 1, checksum: chainEntries(kernel, checksum, entry) }
  }

  #present(): Uint8Array {
    return this.#bytes.subarray(0, (this.#noted.entryCount - this.#absent.entryCount) * ABORTED_ENTRY_BYTES)
  }

  /**
   * Adds the transactions that have records from `fromOffset` to before `upToOffset`. True if later ones can't have
   * any. All entries must be loaded. Source: Kafka's TransactionIndex.collectAbortedTxns.
   */
  collect(fromOffset: number, upToOffset: number, into: AbortedTransaction[]): boolean {
    const view = viewOf(this.#bytes)
    for (let index = this.#firstEndingAt(fromOffset); index < this.#noted.entryCount; index++) {
      const entry = readAborted(view, index * ABORTED_ENTRY_BYTES, this.#path)
      if (entry.firstOffset < upToOffset) into.push(entry)
      // A transaction that was still open then, or began later, begins there or above.
      if (entry.lastStableOffset >= upToOffset) return true
    }
    return false
  }

  #firstEndingAt(offset: number): number {
    const view = viewOf(this.#bytes)
    let low = 0
    let high = this.#noted.entryCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (readAborted(view, middle * ABORTED_ENTRY_BYTES, this.#path).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Reads the entries from the file. If it isn't as noted, or can't be read, they aren't taken: then learn them and
   * call `replace`.
   */
  *read(store: FileStore, kernel: Checksum): Task<void> {
    const file = yield* openFile(store, this.#path)
    if (file === undefined) return
    try {
      const bytes = new Uint8Array(this.#absent.entryCount * ABORTED_ENTRY_BYTES)
      const isWhole = file.read(bytes, 0) === bytes.length
      if (!isWhole || chainEntries(kernel, 0, bytes) !== this.#absent.checksum) return
      const present = this.#present()
      this.#bytes = new Uint8Array(bytes.length + present.length)
      this.#bytes.set(bytes)
      this.#bytes.set(present, bytes.length)
      this.#absent = { entryCount: 0, checksum: 0 }
    } catch (error) {
      if (!isReadFailure(error)) throw error
    } finally {
      file.close()
    }
  }

  /** Whether these are all its entries, by the checksum. */
  isNoted(kernel: Checksum, entries: readonly AbortedTransaction[]): boolean {
    const those = new AbortedIndex(this.#path, { entryCount: 0, checksum: 0 })
    for (const entry of entries) those.add(kernel, entry)
    return those.noted.checksum === this.#noted.checksum
  }

  /** Takes the entries that were learned from the batches; the file doesn't count any more. */
  replace(kernel: Checksum, entries: readonly AbortedTransaction[]): void {
    this.#noted = { entryCount: 0, checksum: 0 }
    this.#absent = this.#noted
    this.#bytes = new Uint8Array(0)
    this.#written = 0
    for (const entry of entries) this.add(kernel, entry)
  }

  /**
   * Appends the entries that the file lacks. Like the other indexes it is neither renamed nor flushed, because nothing
   * relies on it. A full disk is no failure here.
   */
  *write(store: FileStore): Task<void> {
    if (!this.hasUnwritten) return
    try {
      yield* this.#append(store)
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
    }
  }

  *#append(store: FileStore): Task<void> {
    const file = yield* createFile(store, this.#path)
    try {
      const from = this.#written * ABORTED_ENTRY_BYTES
      // The file has lost its beginning, which isn't in memory either. The next read notices that and learns the
      // entries anew.
      if (file.size() < from) return
      const skipped = from - this.#absent.entryCount * ABORTED_ENTRY_BYTES
      const { entryCount } = this.#noted
      writeFully(file, this.#present().subarray(skipped), from)
      file.truncate(entryCount * ABORTED_ENTRY_BYTES)
      this.#written = entryCount
    } finally {
      file.close()
    }
  }

  /** Frees the memory of entries that the file has. */
  release(): void {
    if (this.hasUnwritten) return
    this.#absent = this.#noted
    this.#bytes = new Uint8Array(0)
  }
}
