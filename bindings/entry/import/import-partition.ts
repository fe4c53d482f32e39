import type { KafkaDecisions } from '../../coordinator/transaction/kafka-decisions.ts'
import type { ImportContext } from '../../log/import/import-context.ts'
import { newestSnapshot } from '../../log/import/newest-snapshot.ts'
import type { SourcePartition } from '../../log/import/source-partition.ts'
import type { NewPartition } from '../../log/new-log/new-partition.ts'
import { encodeMarker } from '../../log/partition/marker.ts'
import { BatchScanner, type ScannedBatch } from '../../log/segment/batch-scanner.ts'
import { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { Task } from '../../storage/effect.ts'
import type { ImportedPartition } from './import-report.ts'

const BATCHES_ALONE = { needsRecords: false, takesAnyControl: false }

/** A transaction without a marker so far. */
interface Open {
  readonly producerEpoch: number
  readonly firstOffset: number
  /** Of its last batch. */
  readonly lastOffset: number
}

/** Where an imported partition is written; `undefined` in a dry run. */
export type PartitionTarget = Pick<NewPartition, 'append'> | undefined

/**
 * Copies the batches of one partition unchanged, and ends the transactions that are open at its end: as Kafka has
 * decided, else by an abort.
 */
export class PartitionImport {
  readonly source: SourcePartition
  readonly #context: ImportContext
  readonly #decisions: KafkaDecisions
  readonly #now: number
  readonly #open = new Map<number, Open>()
  #records = 0
  #batches = 0
  #sizeBytes = 0
  #nextOffset: number
  #leaderEpoch = 0
  /** There was a gap between two batches, so the partition was compacted, and more offsets may be missing. */
  #isCleaned = false

  constructor(context: ImportContext, source: SourcePartition, decisions: KafkaDecisions, now: number) {
    this.source = source
    this.#context = context
    this.#decisions = decisions
    this.#now = now
    this.#nextOffset = source.logStartOffset
  }

  /** `continueAt`: somebody may have seen the offsets below, so they are never given again. */
  *run(target: PartitionTarget, continueAt: number): Task<ImportedPartition> {
    const { source } = this
    const { topic, partition } = source.place
    yield* source.batches(BATCHES_ALONE, (batch) => this.#take(target, batch, batch.ends !== undefined))
    // If the log start lies above all records, Kafka continues there.
    this.#nextOffset = Math.max(source.logStartOffset, source.nextOffset)
    yield* this.#endTransactions(target)
    return {
      topic,
      partition,
      logStartOffset: source.logStartOffset,
      nextOffset: Math.max(this.#nextOffset, source.place.highWatermark, continueAt),
      records: this.#records,
      batches: this.#batches,
      sizeBytes: this.#sizeBytes,
    }
  }

  *#take(target: PartitionTarget, batch: ScannedBatch, endsTransaction: boolean): Task<void> {
    const { attributes, producerId, producerEpoch, baseOffset, recordCount, sizeBytes } = batch.header
    const isTransactional = (attributes & ATTRIBUTE_TRANSACTIONAL) !== 0 && (attributes & ATTRIBUTE_CONTROL) === 0
    if (endsTransaction) this.#open.delete(producerId)
    // A batch that compaction has emptied has nothing to show or hide, and its marker may be gone.
    else if (isTransactional && recordCount > 0) {
      const { firstOffset = baseOffset } = this.#open.get(producerId) ?? {}
      this.#open.set(producerId, { producerEpoch, firstOffset, lastOffset: baseOffset })
    }
    if (batch.nextOffset <= this.source.logStartOffset) return
    this.#isCleaned ||= this.#batches > 0 && baseOffset > this.#nextOffset
    if (target !== undefined) yield* target.append(batch, this.#isCleaned)
    this.#batches++
    this.#sizeBytes += sizeBytes
    this.#nextOffset = batch.nextOffset
    this.#leaderEpoch = Math.max(this.#leaderEpoch, batch.header.partitionLeaderEpoch)
    if ((attributes & ATTRIBUTE_CONTROL) === 0) this.#records += recordCount
  }

  *#endTransactions(target: PartitionTarget): Task<void> {
    const { topic, partition, directory: file } = this.source.place
    const asOf = yield* newestSnapshot(this.#context, file, this.source.nextOffset)
    for (const [producerId, { producerEpoch, firstOffset, lastOffset }] of [...this.#open]) {
      // Kafka has recorded its end, even if the marker is gone: the records that are left were committed.
      const isEnded = asOf !== undefined && firstOffset < asOf.offset && !asOf.producers.has(producerId)
      if (isEnded && lastOffset < asOf.offset) continue
      const isCommit = this.#decisions.isCommitted(producerId, topic, partition)
      const known = this.#decisions.ofProducer(producerId)
      const epoch = Math.max(producerEpoch, known?.producerEpoch ?? 0)
      const marker = { producerId, producerEpoch: epoch, isCommit }
      const at = { baseOffset: this.#nextOffset, leaderEpoch: this.#leaderEpoch, now: this.#now }
      const bytes = encodeMarker(this.#context.kernel, marker, at)
      yield* this.#take(target, scanned(this.#context, bytes), true)
      const id = known === undefined ? '' : ` (transactional id "${known.transactionalId}", ${known.state})`
      const why = `the transaction of producer ${producerId}${id} has no marker: ${isCommit ? 'committed, as was decided' : 'aborted'}`
      // The broker had shown them, or the producer's next transaction was lost with its beginning, or goes with it.
      const mayBeShown = this.source.isCut || isEnded || known?.state === 'CompleteCommit'
      this.#context.leftOut.push({ file, topic, partition, offset: firstOffset, why, isLoss: mayBeShown && !isCommit })
    }
  }
}

/** A batch that was built here, in the form of one that was read. */
export function scanned({ kernel }: Pick<ImportContext, 'kernel'>, bytes: Uint8Array): ScannedBatch {
  const scanner = new BatchScanner(kernel)
  try {
    const batch = scanner.inBytes(bytes, 0)
    if (typeof batch === 'string') throw new LogError('UNKNOWN_SERVER_ERROR', `a batch was made that is ${batch}`, {})
    return { ...batch, bytes }
  } finally {
    scanner.close()
  }
}
