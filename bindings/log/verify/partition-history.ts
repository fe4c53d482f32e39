import type { BatchHeader } from '../../kernel/kernel.ts'
import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { assignLeaderEpoch, type LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import { TransactionScan } from '../segment/transaction-scan.ts'

interface LastBatch {
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
}

/** What the batches of one partition, taken in order, say about the files that are derived from them. */
export class PartitionHistory {
  /** Offset of the first batch that is looked at; before that, where the log begins. */
  firstOffset: number
  /** After the last batch that was taken. */
  nextOffset = 0
  epochs: readonly LeaderEpochEntry[] = []
  /** By the offset of their marker. */
  readonly aborted: Map<number, AbortedTransaction> = new Map()
  /** `undefined` if a marker came after the producer's last batch, which may have changed the epoch. */
  readonly #producers = new Map<number, LastBatch | undefined>()
  readonly #transactions = new TransactionScan([])
  readonly #cleanedUpTo: number

  /** `cleanedUpTo`: compaction may have removed batches below it. */
  constructor(logStartOffset: number, cleanedUpTo: number) {
    this.firstOffset = logStartOffset
    this.#cleanedUpTo = cleanedUpTo
  }

  /** From this offset on every batch is there. */
  get wholeFrom(): number {
    return Math.max(this.firstOffset, this.#cleanedUpTo)
  }

  take(header: Readonly<BatchHeader>, bytes: Uint8Array): void {
    const { baseOffset, lastOffsetDelta, producerId, producerEpoch, baseSequence } = header
    const lastOffset = baseOffset + lastOffsetDelta
    if (this.epochs.length === 0) this.firstOffset = baseOffset
    this.nextOffset = lastOffset + 1
    this.epochs = assignLeaderEpoch(this.epochs, header.partitionLeaderEpoch, baseOffset)
    if (producerId >= 0) {
      const isMarker = (header.attributes & ATTRIBUTE_CONTROL) !== 0
      this.#producers.set(producerId, isMarker ? undefined : { producerEpoch, baseSequence, baseOffset, lastOffset })
    }
    const aborted = this.#transactions.take(header, bytes)
    if (aborted !== undefined) this.aborted.set(aborted.lastOffset, aborted)
  }

  /** The first producer in a snapshot, taken at `nextOffset`, that the batches contradict. */
  contradicts(snapshot: readonly StoredProducer[]): StoredProducer | undefined {
    return snapshot.find((producer) => {
      const batch = producer.batches.at(-1)
      const last = this.#producers.get(producer.producerId)
      // Retention may have removed its batches, and compaction all but the newest, which came after the snapshot.
      const mayBeGone = (batch?.lastOffset ?? -1) < this.wholeFrom
      if (!this.#producers.has(producer.producerId)) return !mayBeGone
      if (last === undefined || (mayBeGone && last.lastOffset < (batch?.baseOffset ?? 0))) return false
      const isLast = batch?.baseOffset === last.baseOffset && batch.lastOffset === last.lastOffset
      return !isLast || producer.producerEpoch !== last.producerEpoch || batch.firstSequence !== last.baseSequence
    })
  }

  /**
   * The first entry of a leader-epoch-checkpoint that the batches contradict. The newest entries may be missing in it.
   */
  contradictsEpochs(entries: readonly LeaderEpochEntry[]): LeaderEpochEntry | undefined {
    // All batches of its epoch may be gone, and those of other epochs say nothing about it.
    const told = entries.filter(({ epoch, startOffset }, index) => {
      const next = entries[index + 1]
      if (next !== undefined) return next.startOffset > this.wholeFrom
      if (startOffset >= this.wholeFrom) return this.epochs.length > 0
      return startOffset < this.nextOffset && (this.epochs[0]?.epoch ?? epoch) <= epoch
    })
    const known = this.epochs.filter(({ epoch }) => epoch >= (told[0]?.epoch ?? 0))
    return told.find(({ epoch, startOffset }, index) => {
      const begun = known[index]
      // The first entry moves with the log start, and with what compaction removes.
      return begun?.epoch !== epoch || (index > 0 ? startOffset !== begun.startOffset : startOffset > this.nextOffset)
    })
  }
}
