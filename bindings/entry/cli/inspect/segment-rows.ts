import type { BatchFault, DecodedBatch, Kernel } from '../../../kernel/kernel.ts'
import { parseSegmentFileName } from '../../../log/files/file-names.ts'
import { decodeProducerSnapshot } from '../../../log/files/producer-snapshot.ts'
import { BatchScanner, type ScannedBatch } from '../../../log/segment/batch-scanner.ts'
import type { StoreFile } from '../../../storage/file-store.ts'
import type { Row } from '../output.ts'
import { jsonBytes } from '../record-lines.ts'
import { bytesOf, entriesOf } from './bytes.ts'

/** Batches of a `.log`, one row each. Bytes after the last whole batch are a row with their fault. */
export function* batchRows(file: StoreFile, kernel: Kernel): Generator<Row> {
  for (const found of batchesOf(file, kernel)) {
    if ('fault' in found) {
      const none = { baseOffset: '', lastOffset: '', records: '', maxTimestamp: '', producerId: '', producerEpoch: '' }
      yield { ...found, ...none, baseSequence: '', leaderEpoch: '', attributes: '', fault: found.fault }
      continue
    }
    const { position, batch } = found
    const { header, nextOffset } = batch
    yield {
      position,
      sizeBytes: header.sizeBytes,
      baseOffset: header.baseOffset,
      lastOffset: nextOffset - 1,
      records: header.recordCount,
      maxTimestamp: header.maxTimestamp,
      producerId: header.producerId,
      producerEpoch: header.producerEpoch,
      baseSequence: header.baseSequence,
      leaderEpoch: header.partitionLeaderEpoch,
      attributes: header.attributes,
      fault: '',
    }
  }
}

/** Records of a `.log`, one row each. A batch whose records can't be decoded is a row with its fault. */
export function* recordRows(file: StoreFile, kernel: Kernel): Generator<Row> {
  const none = { offset: '', timestamp: '', key: '', value: '', headers: '' }
  for (const found of batchesOf(file, kernel)) {
    if ('fault' in found) {
      yield { ...none, ...found }
      continue
    }
    const { position, batch } = found
    const records = found.records()
    if (typeof records === 'string') yield { ...none, position, sizeBytes: batch.header.sizeBytes, fault: records }
    else yield* recordsOf(records)
  }
}

function* recordsOf(batch: DecodedBatch): Generator<Row> {
  for (let index = 0; index < batch.recordCount; index++) {
    yield {
      offset: batch.offsetOf(index),
      timestamp: batch.timestampOf(index),
      key: jsonBytes(batch.keyOf(index)),
      value: jsonBytes(batch.valueOf(index)),
      headers: batch.headersOf(index).length,
    }
  }
}

/** Where and why a file doesn't end with a whole batch. */
interface Rest {
  readonly position: number
  readonly sizeBytes: number
  readonly fault: string
}

interface Found {
  readonly position: number
  readonly batch: ScannedBatch
  /** To be called before the next batch is asked for. */
  records(): DecodedBatch | BatchFault
}

function* batchesOf(file: StoreFile, kernel: Kernel): Generator<Found | Rest> {
  const scanner = new BatchScanner(kernel)
  const sizeBytes = file.size()
  try {
    for (let position = 0; position < sizeBytes; ) {
      const batch = scanner.inFile(file, position, sizeBytes)
      if (typeof batch === 'string') return yield { position, sizeBytes: sizeBytes - position, fault: batch }
      yield { position, batch, records: () => scanner.decoded(batch) }
      position += batch.header.sizeBytes
    }
  } finally {
    scanner.close()
  }
}

export function indexRows(file: StoreFile): Iterable<Row> {
  const base = baseOffsetOf(file)
  return entriesOf(file, 8, (view, at) => ({ offset: base + view.getInt32(at), position: view.getInt32(at + 4) }))
}

export function timeIndexRows(file: StoreFile): Iterable<Row> {
  const base = baseOffsetOf(file)
  return entriesOf(file, 12, (view, at) => ({
    timestamp: Number(view.getBigInt64(at)),
    offset: base + view.getInt32(at + 8),
  }))
}

/** Aborted transactions. Source: Kafka's AbortedTxn. */
export function transactionIndexRows(file: StoreFile): Iterable<Row> {
  return entriesOf(file, 34, (view, at) => ({
    version: view.getInt16(at),
    producerId: Number(view.getBigInt64(at + 2)),
    firstOffset: Number(view.getBigInt64(at + 10)),
    lastOffset: Number(view.getBigInt64(at + 18)),
    lastStableOffset: Number(view.getBigInt64(at + 26)),
  }))
}

export function snapshotRows(file: StoreFile, kernel: Kernel): Row[] {
  return decodeProducerSnapshot(kernel, bytesOf(file), file.path).map(({ producerId, producerEpoch, batches }) => {
    const last = batches.at(-1)
    return {
      producerId,
      producerEpoch,
      lastSequence: last?.lastSequence ?? '',
      lastOffset: last?.lastOffset ?? '',
      timestamp: last?.timestamp ?? '',
    }
  })
}

function baseOffsetOf(file: StoreFile): number {
  return parseSegmentFileName(file.path.split('/').at(-1) ?? '')?.offset ?? 0
}
