import type { DecodedBatch } from '../kernel/kernel.ts'
import type { RecordPlace, TableRecord } from '../log/catalogue/table-record.ts'
import type { Task } from '../storage/effect.ts'
import type { Engine } from './engine.ts'
import type { HostedPartition } from './hosted-partition.ts'

const READ_BYTES = 256 * 1024

/** Reads the log's own topics from their start: first the catalogue, which says what the offsets may name. */
export function* replayTables(engine: Engine): Task<void> {
  yield* replayPartition(engine, engine.topics.catalogue(), (record, place) => engine.catalogue.apply(record, place))
  yield* replayPartition(engine, engine.topics.offsets(), (record, place) => engine.groups.apply(record, place))
  engine.groups.dropMembers()
}

function* replayPartition(
  engine: Engine,
  hosted: HostedPartition,
  apply: (record: TableRecord, place: RecordPlace) => void,
): Task<void> {
  if (!hosted.exists) return
  const { nextOffset, logStartOffset } = hosted.partition.watermarks
  let offset = logStartOffset
  while (offset < nextOffset) {
    const read = hosted.partition.read(offset, nextOffset, READ_BYTES)
    if (read.missing !== undefined && read.batches.length === 0) {
      yield* engine.store.prepareRead(hosted.id, offset)
      continue
    }
    if (read.nextOffset === offset) break
    for (const batch of read.batches) applyBatch(batch, hosted, apply)
    offset = read.nextOffset
  }
}

function applyBatch(
  batch: DecodedBatch,
  { id }: HostedPartition,
  apply: (record: TableRecord, place: RecordPlace) => void,
): void {
  for (let index = 0; index < batch.recordCount; index++) {
    const record = {
      key: batch.keyOf(index),
      value: batch.valueOf(index),
      headers: batch.headersOf(index),
      timestamp: batch.timestampOf(index),
    }
    apply(record, { topic: id.topic, partition: id.partition, offset: batch.offsetOf(index) })
  }
}
