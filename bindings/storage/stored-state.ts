import type { PartitionIdentity } from './partition-identity.ts'
import type { Damage, RecoveryReport } from './recovery-report.ts'

/** What a partition remembers of one producer, so that a retry is recognised. */
export interface StoredProducer {
  /** The producer's id, which no other producer ever gets. */
  readonly producerId: number
  /** Epoch of its last batch. */
  readonly producerEpoch: number
  /** Epoch of the coordinator that wrote its last marker; -1 without one. */
  readonly coordinatorEpoch: number
  /** First offset of its open transaction in the partition; -1 if it has none. */
  readonly currentTransactionFirstOffset: number
  /** Its last batches, oldest first, at most five. All five must be kept (durability rule 4). */
  readonly batches: readonly StoredProducerBatch[]
  /** Time of its last marker, in milliseconds since 1970, if no batch came since: Kafka's snapshots hold it. */
  readonly markerTimestamp?: number | undefined
}

/** One of a producer's last batches. */
export interface StoredProducerBatch {
  /** Sequence of its first record. */
  readonly firstSequence: number
  /** Sequence of its last record. */
  readonly lastSequence: number
  /** Offset of its first record. */
  readonly baseOffset: number
  /** Offset of its last record. */
  readonly lastOffset: number
  /** Greatest timestamp of its records, in milliseconds since 1970. */
  readonly timestamp: number
}

/** A partition as an open found it. */
export interface StoredPartition {
  /** The partition. */
  readonly id: PartitionIdentity
  /** Offset of the first record that is kept. */
  readonly logStartOffset: number
  /** Offset of the next record: the end of what is stored, or the ceiling after an unclean end. */
  readonly nextOffset: number
  /** The ceiling that was committed last; 0 if none was. */
  readonly ceiling: number
  /** Its producers, recovered up to the end. */
  readonly producers: readonly StoredProducer[]
  /** Greatest timestamp of its records, in milliseconds since 1970; -1 without records. */
  readonly maxTimestamp: number
  /** Damage was found in it: nothing is appended to it. */
  readonly readOnly: boolean
  /** The first damage that was found in it, and where. */
  readonly damage?: Damage | undefined
}

/** What a store holds when it opens. */
export interface StoredState {
  /** All partitions, the log's own included. */
  readonly partitions: readonly StoredPartition[]
  /** One counter for the whole log; every unclean open raises it (durability rule 5). */
  readonly leaderEpoch: number
  /** No producer id from here on was ever handed out. */
  readonly nextProducerId: number
  /** What `log.recovery` tells. */
  readonly report: RecoveryReport
}
