import type { Kernel } from '../../../kernel/kernel.ts'
import { parseSegmentFileName } from '../../../log/files/file-names.ts'
import { decodeProducerSnapshot } from '../../../log/files/producer-snapshot.ts'
import { BatchScanner } from '../../../log/segment/batch-scanner.ts'
import type { StoreFile } from '../../../storage/file-store.ts'
import type { Row } from '../output.ts'
import { jsonBytes } from '../record-lines.ts'
import { bytesOf, entriesOf } from './bytes.ts'

/** Batches of a `.log`, one row each. Bytes after the last whole batch are a row with their fault. */
export function batchRows(file: StoreFile, kernel: Kernel): Row[] {
  const rows: Row[] = []
  const rest = eachBatch(file, kernel, (position, { header, nextOffset }) => {
    rows.push({
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
    })
  })
  if (rest === undefined) return rows
  const none = { baseOffset: '', lastOffset: '', records: '', maxTimestamp: '', producerId: '', producerEpoch: '' }
  rows.push({ ...rest, ...none, baseSequence: '', leaderEpoch: '', attributes: '', fault: rest.fault })
  return rows
}

/** Records of a `.log`, one row each. */
export function recordRows(file: StoreFile, kernel: Kernel): Row[] {
  const rows: Row[] = []
  const rest = eachBatch(file, kernel, (_, { bytes }) => {
    const buffer = kernel.allocate(bytes.length)
    if (buffer === undefined) return
    buffer.bytes(0, bytes.length).set(bytes)
    const batch = kernel.batchReader.decode(buffer, 0, bytes.length, true)
    buffer.free()
    if (typeof batch === 'string') return
    for (let index = 0; index < batch.recordCount; index++) {
      rows.push({
        offset: batch.offsetOf(index),
        timestamp: batch.timestampOf(index),
        key: jsonBytes(batch.keyOf(index)),
        value: jsonBytes(batch.valueOf(index)),
        headers: batch.headersOf(index).length,
      })
    }
  })
  if (rest !== undefined) rows.push({ offset: '', timestamp: '', key: '', value: '', headers: '', ...rest })
  return rows
}

interface Rest {
  readonly position: number
  readonly sizeBytes: number
  readonly fault: string
}

type Found = Exclude<ReturnType<BatchScanner['inFile']>, string>

/** Returns where and why the file doesn't end with a whole batch. */
function eachBatch(file: StoreFile, kernel: Kernel, show: (position: number, batch: Found) => void): Rest | undefined {
  const scanner = new BatchScanner(kernel)
  const sizeBytes = file.size()
  try {
    for (let position = 0; position < sizeBytes; ) {
      const batch = scanner.inFile(file, position, sizeBytes)
      if (typeof batch === 'string') return { position, sizeBytes: sizeBytes - position, fault: batch }
      show(position, batch)
      position += batch.header.sizeBytes
    }
    return undefined
  } finally {
    scanner.close()
  }
}

export function indexRows(file: StoreFile): Row[] {
  const base = baseOffsetOf(file)
  return entriesOf(file, 8, (view, at) => ({ offset: base + view.getInt32(at), position: view.getInt32(at + 4) }))
}

export function timeIndexRows(file: StoreFile): Row[] {
  const base = baseOffsetOf(file)
  return entriesOf(file, 12, (view, at) => ({
    timestamp: Number(view.getBigInt64(at)),
    offset: base + view.getInt32(at + 8),
  }))
}

/** Aborted transactions. Source: Kafka's AbortedTxn. */
export function transactionIndexRows(file: StoreFile): Row[] {
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
