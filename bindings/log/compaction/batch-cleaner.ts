import type { Kernel, KeyedRecords } from '../../kernel/kernel.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import { type BatchBytes, plainRecords } from './batch-bytes.ts'
import { BatchParts } from './batch-parts.ts'
import { BatchRewriter } from './batch-rewriter.ts'
import type { DecidedTransactions } from './decided-transactions.ts'
import { KeptRecords } from './kept-records.ts'
import { HASH_WORDS, type OffsetMap } from './offset-map.ts'
import { type KeysOf, keysOfRecord, type RecordKeys } from './record-keys.ts'

/** A batch with a greater timestamp can't be read. */
const TIMESTAMP_MAX = Number.MAX_SAFE_INTEGER

/**
 * A producer that the partition remembers. After the pass its last batch, or the epoch of a later marker, must still
 * show it.
 */
export interface ActiveProducer {
  readonly producerEpoch: number
  /** -1 if its last batch is a marker. */
  readonly lastDataOffset: number
}

export interface CleaningRules {
  /** The partition, for errors. */
  readonly at: TopicPartition
  readonly kernel: Pick<Kernel, 'crc32cOf' | 'codecs' | 'batchReader'>
  /** The last offset of each key, of records below `mapEnd`. */
  readonly map: Pick<OffsetMap, 'get' | 'getHashed'>
  readonly mapEnd: number
  /** For topics where a record's own key doesn't tell what replaces it. */
  readonly keysOf: KeysOf | undefined
  readonly transactions: DecidedTransactions
  readonly producers: ReadonlyMap<number, ActiveProducer>
  readonly now: number
  readonly deleteRetentionMs: number
  /** The time by which tombstones and markers go: `now`, or an earlier one where the clock was put ahead. */
  readonly trustedNow: number
}

/**
 * Which records of a batch stay, and how much of a batch that has none left. Source: Kafka's Cleaner.cleanInto and
 * MemoryRecords.filterTo (kafka.md 2.8).
 */
export class BatchCleaner {
  readonly #rules: CleaningRules
  readonly #rewriter: BatchRewriter

  constructor(rules: CleaningRules) {
    this.#rules = rules
    this.#rewriter = new BatchRewriter(rules.kernel)
  }

  /**
   * The bytes that stay, valid until the next call; `undefined` when none do. `isLast`: it is its segment's last batch,
   * whose header stays in any case because it tells where the segment ends. A delete horizon is set as long as the
   * batch then has at most `bytesMax`.
   */
  *clean(batch: BatchBytes, isLast: boolean, bytesMax: number): Task<Uint8Array | undefined> {
    const { transactions } = this.#rules
    const endsNothing = batch.isControl && transactions.endsNothing(batch)
    const isDiscarded = batch.isControl ? endsNothing && this.#isOver(batch) : transactions.isAborted(batch)
    const kept = isDiscarded ? undefined : yield* this.#kept(batch, endsNothing, bytesMax)
    if (kept !== undefined) return kept
    return isLast || this.#isLastOfProducer(batch) ? this.#rewriter.headerAlone(batch) : undefined
  }

  /** Whether the time of its tombstones is over, or its own if it is a marker. */
  #isOver({ deleteHorizon }: BatchBytes): boolean {
    return deleteHorizon !== undefined && deleteHorizon <= this.#rules.trustedNow
  }

  /** Its header stays even without records: a lost checkpoint or snapshot is rebuilt from its sequence or epoch. */
  #isLastOfProducer(batch: BatchBytes): boolean {
    if (batch.producerId < 0) return false
    const producer = this.#rules.producers.get(batch.producerId)
    if (producer === undefined) return false
    if (producer.lastDataOffset >= 0) return batch.lastOffset === producer.lastDataOffset
    return batch.isControl && batch.producerEpoch === producer.producerEpoch
  }

  /** `undefined` if no record stays. */
  *#kept(batch: BatchBytes, endsNothing: boolean, bytesMax: number): Task<Uint8Array | undefined> {
    if (batch.recordCount === 0) return undefined
    const records = plainRecords(this.#rules.at, batch, this.#rules.kernel.codecs)
    if (records === undefined) return batch.bytes
    const found = new KeptRecords()
    const parts = new BatchParts(this.#rules.kernel, this.#rules.at, batch, records)
    for (let keyed = parts.next(); keyed !== undefined; keyed = parts.next()) {
      this.#collectKept(batch, records, keyed, found)
      if (!keyed.isLast) yield* letOthersRun()
    }
    if (found.count === 0) return undefined
    // The first pass that keeps a tombstone, or a marker without records, sets the time from which on it may be removed
    // (KIP-534). One that lies further ahead is of a clock that was put back since, or of a longer delete.retention.ms.
    const hasHorizon = (batch.deleteHorizon ?? Number.POSITIVE_INFINITY) <= this.#horizon
    if (!hasHorizon && (found.hasTombstone || endsNothing)) {
      const dated = yield* this.#rewriter.rewrite(batch, records, found, this.#horizon)
      if (dated.length <= bytesMax) return dated
    }
    if (found.count === batch.recordCount) return batch.bytes
    return yield* this.#rewriter.rewrite(batch, records, found, undefined)
  }

  get #horizon(): number {
    return Math.min(this.#rules.now + this.#rules.deleteRetentionMs, TIMESTAMP_MAX)
  }

  #collectKept(batch: BatchBytes, records: Uint8Array, keyed: KeyedRecords, kept: KeptRecords): void {
    const { baseOffset, isControl } = batch
    for (let index = 0; index < keyed.count; index++) {
      const offset = baseOffset + keyed.offsetDeltaOf(index)
      if (!isControl && !this.#stays(batch, offset, records, keyed, index)) continue
      kept.count++
      kept.hasTombstone ||= keyed.valueLengthOf(index) < 0 && !isControl
      kept.maxTimestamp = Math.max(kept.maxTimestamp, keyed.timestampOf(index))
      kept.add(keyed.startOf(index), keyed.endOf(index))
    }
  }

  #stays(batch: BatchBytes, offset: number, records: Uint8Array, keyed: KeyedRecords, index: number): boolean {
    const { map, mapEnd, keysOf } = this.#rules
    if (offset >= mapEnd) return true
    if (keyed.keyLengthOf(index) < 0) return false
    if (keysOf !== undefined) return this.#staysByKeys(offset, keysOfRecord(keysOf, records, keyed, index))
    if (offset < map.getHashed(keyed.hashes, index * HASH_WORDS)) return false
    return keyed.valueLengthOf(index) >= 0 || !this.#isOver(batch)
  }

  #staysByKeys(offset: number, keys: RecordKeys | undefined): boolean {
    const { map } = this.#rules
    if (keys === undefined) return true
    if (offset < map.get(keys.key) || offset < map.get(keys.endKey)) return false
    return !keys.isEnd
  }
}
