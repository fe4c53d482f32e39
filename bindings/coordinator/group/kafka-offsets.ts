import type { KafkaOffset, KafkaOffsetPlace, KafkaOffsetRecord } from './kafka-offset.ts'

export interface KafkaCommit extends KafkaOffsetPlace, KafkaOffset {}

interface RecordedCommit extends KafkaCommit {
  /**
   * Offset of the record itself: of two commits the later record wins, whichever became final last (kafka.md 8, case
   * 49).
   */
  readonly recordOffset: number
}

/**
 * The committed offsets of one partition of a broker's `__consumer_offsets`, from its records in order. What was sent
 * in a transaction waits for its marker. Source: Kafka's OffsetMetadataManager.replay and replayEndTransactionMarker.
 */
export class KafkaOffsets {
  readonly #committed = new Map<string, RecordedCommit>()
  readonly #pending = new Map<number, Map<string, RecordedCommit>>()

  /** `producerId`: the producer whose transaction the record is part of. */
  take(record: KafkaOffsetRecord, recordOffset: number, producerId: number | undefined): void {
    const { groupId, topic, partition, offset } = record
    const key = JSON.stringify([groupId, topic, partition])
    if (offset === undefined) {
      this.#committed.delete(key)
      for (const pending of this.#pending.values()) pending.delete(key)
      return
    }
    const commit = { groupId, topic, partition, ...offset, recordOffset }
    if (producerId === undefined) {
      this.#committed.set(key, commit)
      return
    }
    const pending = this.#pending.get(producerId) ?? new Map<string, RecordedCommit>()
    this.#pending.set(producerId, pending.set(key, commit))
  }

  /** The producer's transaction ended. Returns how many of its offsets that decided. */
  end(producerId: number, isCommit: boolean): number {
    const pending = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (pending === undefined) return 0
    for (const [key, commit] of isCommit ? pending : []) {
      const before = this.#committed.get(key)
      if (before === undefined || before.recordOffset < commit.recordOffset) this.#committed.set(key, commit)
    }
    return pending.size
  }

  /** Producers whose transactions have no end here. */
  open(): readonly number[] {
    return [...this.#pending.keys()]
  }

  committed(): Iterable<KafkaCommit> {
    return this.#committed.values()
  }
}
