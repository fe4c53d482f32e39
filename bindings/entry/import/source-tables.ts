import { decodeKafkaOffset } from '../../coordinator/group/kafka-offset.ts'
import { type KafkaCommit, KafkaOffsets } from '../../coordinator/group/kafka-offsets.ts'
import { KafkaDecisions } from '../../coordinator/transaction/kafka-decisions.ts'
import { decodeTransactionRecord } from '../../coordinator/transaction/transaction-record.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import type { ImportContext } from '../../log/import/import-context.ts'
import type { KafkaPartition } from '../../log/import/kafka-directory.ts'
import type { SourceBatch } from '../../log/import/source-batch.ts'
import { SourcePartition } from '../../log/import/source-partition.ts'
import { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import { perform, type Task } from '../../storage/effect.ts'
import { ClusterMetadata } from './cluster-metadata.ts'

const WITH_RECORDS = { needsRecords: true, takesAnyControl: false }
const METADATA = { needsRecords: true, takesAnyControl: true }
/** A snapshot of the controllers' log: everything below its offset. */
const SNAPSHOT = /^(\d{20})-\d{10}\.checkpoint$/

/** Topics and configs; `undefined` where the directory has no controllers' log. */
export function* readClusterMetadata(
  context: ImportContext,
  place: KafkaPartition | undefined,
): Task<ClusterMetadata | undefined> {
  if (place === undefined) return undefined
  const metadata = new ClusterMetadata()
  const names = yield* perform('list', place.directory, () => context.store.list(place.directory))
  const snapshot = names.filter((name) => SNAPSHOT.test(name)).at(-1)
  const snapshotEnd = snapshot === undefined ? 0 : Number(SNAPSHOT.exec(snapshot)?.[1])
  const take = (from: number) => (record: TableRecord, at: TableRecordPlace) => {
    if (record.value !== null && at.offset >= from) metadata.take(record.value, at)
  }
  if (snapshot !== undefined) {
    // Its name proves it whole: it was renamed when it was finished.
    const whole = { ...place, isClean: true }
    const segments = [{ baseOffset: 0, file: `${place.directory}/${snapshot}` }]
    yield* eachRecord(context, new SourcePartition(context, whole, segments), { wanted: METADATA, take: take(0) })
  }
  const source = yield* SourcePartition.open(context, place)
  yield* eachRecord(context, source, { wanted: METADATA, take: take(snapshotEnd) })
  return metadata
}

export function* readDecisions(context: ImportContext, places: readonly KafkaPartition[]): Task<KafkaDecisions> {
  const decisions = new KafkaDecisions()
  for (const place of places) {
    const source = yield* SourcePartition.open(context, place)
    const take = (record: TableRecord, at: TableRecordPlace) => {
      const entry = decodeTransactionRecord(record, at)
      if (entry !== undefined) decisions.take(entry)
    }
    yield* eachRecord(context, source, { wanted: WITH_RECORDS, take })
  }
  return decisions
}

/** The committed offsets of groups. Offsets of undecided transactions are left out and reported. */
export function* readCommits(
  context: ImportContext,
  places: readonly KafkaPartition[],
  decisions: KafkaDecisions,
): Task<readonly KafkaCommit[]> {
  const commits: KafkaCommit[] = []
  for (const place of places) {
    const offsets = new KafkaOffsets()
    const source = yield* SourcePartition.open(context, place)
    const take = (record: TableRecord, at: TableRecordPlace, producerId: number | undefined) => {
      const decoded = decodeKafkaOffset(record, at)
      if (decoded !== undefined) offsets.take(decoded, at.offset, producerId)
    }
    const control = (batch: SourceBatch) => {
      if (batch.ends !== undefined) offsets.end(batch.header.producerId, batch.ends === 'commit')
    }
    yield* eachRecord(context, source, { wanted: WITH_RECORDS, take, control })
    const { topic, partition, directory: file } = place
    for (const producerId of offsets.open()) {
      const isCommit = decisions.isCommitted(producerId, topic, partition)
      const count = offsets.end(producerId, isCommit)
      const why = `${count} offsets of a transaction of producer ${producerId} that was not decided`
      if (!isCommit) context.leftOut.push({ file, topic, partition, why, isLoss: false })
    }
    for (const commit of offsets.committed()) commits.push(commit)
  }
  return commits
}

type TakeRecord = (record: TableRecord, at: TableRecordPlace, producerId: number | undefined) => void

interface TableVisit {
  readonly wanted: typeof WITH_RECORDS
  readonly take: TakeRecord
  /** Called for each control batch. */
  readonly control?: (batch: SourceBatch) => void
}

/**
 * Records of a topic that is a table, in their order. One that can't be read is an error, or is left out and reported.
 */
function* eachRecord(
  context: ImportContext,
  source: SourcePartition,
  { wanted, take, control = () => {} }: TableVisit,
): Task<void> {
  yield* source.batches(wanted, (batch) => {
    if ((batch.header.attributes & ATTRIBUTE_CONTROL) !== 0) control(batch)
    else takeRecords(context, source, batch, take)
    return undefined
  })
}

function takeRecords(
  context: ImportContext,
  source: SourcePartition,
  { header, file, position, records }: SourceBatch,
  take: TakeRecord,
): void {
  const { topic, partition } = source.place
  const isTransactional = (header.attributes & ATTRIBUTE_TRANSACTIONAL) !== 0
  if (records === undefined) return
  for (let index = 0; index < records.recordCount; index++) {
    const at = { topic, partition, offset: records.offsetOf(index), file, position }
    if (at.offset < source.logStartOffset) continue
    const [key, value] = [records.keyOf(index), records.valueOf(index)]
    try {
      const record = { key, value, headers: [], timestamp: records.timestampOf(index) }
      take(record, at, isTransactional ? header.producerId : undefined)
    } catch (error) {
      if (!context.leaveOutDamaged || !LogError.is(error)) throw error
      context.leftOut.push({ ...at, why: error.message, isLoss: true })
    }
  }
}
