import type { FetchedBatch, FetchedPartition, WholeBatch } from '../../broker/reader-session.ts'
import type { BatchMemory } from '../../model/batch-memory.ts'
import { type ChunkedBytes, oneChunk } from '../../model/chunked-bytes.ts'
import { DecodedRecords, FILLING_ROWS, ROW_BYTES, ROW_WORDS } from '../../model/decoded-records.ts'
import { readHeaders } from '../../model/read-headers.ts'
import { readError, writeError } from './errors.ts'
import { type MessageReader, malformed } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'

/** Most bytes of a batch besides its record table and its own bytes, alignment included. */
const BATCH_HEAD_BYTES = 27
/** Most bytes of a partition besides its batches, its topic's name and an error. */
const PARTITION_HEAD_BYTES = 41

/**
 * Batches are sent as they lie in the holder's memory, record table and bytes: neither process makes an object for each
 * record.
 */
export function writeFetched(
  writer: MessageWriter,
  partitions: readonly FetchedPartition[],
  memory?: BatchMemory,
): void {
  writer.reserve(sizeOf(partitions), memory)
  writer.int32(partitions.length)
  for (const each of partitions) {
    writer.text(each.topic).int32(each.partition)
    writer.float64(each.nextOffset).float64(each.logStartOffset).float64(each.endOffset)
    writer.uint8(each.error === undefined ? 0 : 1)
    if (each.error !== undefined) writeError(writer, each.error)
    writer.int32(each.batches.length)
    for (const batch of each.batches) writeBatch(writer, batch)
  }
}

/** Most bytes that the partitions take, errors left out. */
function sizeOf(partitions: readonly FetchedPartition[]): number {
  let sizeBytes = 4
  for (const { topic, batches } of partitions) {
    sizeBytes += PARTITION_HEAD_BYTES + topic.length * 3
    for (const batch of batches) sizeBytes += BATCH_HEAD_BYTES + packedBytes(batch)
  }
  return sizeBytes
}

function packedBytes({ recordCount, plainBytes }: WholeBatch): number {
  return recordCount * ROW_BYTES + plainBytes
}

export function readFetched(reader: MessageReader): FetchedPartition[] {
  return Array.from({ length: reader.count(33) }, () => {
    const topic = reader.text()
    const partition = reader.int32()
    const nextOffset = reader.float64()
    const logStartOffset = reader.float64()
    const endOffset = reader.float64()
    if (!areOffsets(nextOffset, logStartOffset) || !areOffsets(endOffset, endOffset)) throw malformed()
    const error = reader.uint8() === 1 ? readError(reader) : undefined
    const batches = Array.from({ length: reader.count(24) }, () => readBatch(reader))
    return { topic, partition, batches, nextOffset, logStartOffset, endOffset, error }
  })
}

function writeBatch(writer: MessageWriter, batch: WholeBatch): void {
  writer.float64(batch.baseOffset).float64(batch.nextOffset).int32(batch.recordCount).int32(batch.plainBytes)
  writer.words(packedBytes(batch), (words, at) => batch.pack(words, at))
}

function readBatch(reader: MessageReader): WholeBatch {
  const baseOffset = reader.float64()
  const nextOffset = reader.float64()
  if (!areOffsets(baseOffset, nextOffset)) throw malformed()
  const recordCount = reader.count(ROW_BYTES)
  const plainBytes = reader.count(1)
  const table = reader.words(recordCount * ROW_WORDS)
  const bytes = reader.content(plainBytes)
  assertWhole(table, bytes, nextOffset - baseOffset)
  return new DecodedRecords(baseOffset, nextOffset, recordCount, oneChunk(bytes), plainBytes, fillingsOf(table))
}

function areOffsets(one: number, other: number): boolean {
  return Number.isSafeInteger(one) && Number.isSafeInteger(other)
}

/** Checks that all that the table says of each record, its offset, key, value and headers, lies within the batch. */
function assertWhole(table: Int32Array, bytes: Uint8Array<ArrayBuffer>, offsets: number): void {
  let before = -1
  for (let row = 0; row < table.length; row += ROW_WORDS) {
    const offsetDelta = table[row + 4] as number
    const keyEnd = endOf(table, row)
    const valueEnd = endOf(table, row + 2)
    const areWithin = keyEnd <= bytes.length && valueEnd <= bytes.length
    if (!areWithin || offsetDelta <= before || offsetDelta >= offsets) throw malformed()
    const headerCount = table[row + 5] as number
    if (headerCount < 0) throw malformed()
    if (headerCount > 0) readHeaders(within(bytes), valueEnd, headerCount)
    before = offsetDelta
  }
}

/**
 * The end of a key or value. `word`: the index in the table of its start; its length stands in the next word, -1 for
 * null. Beyond all bytes where the table says neither.
 */
function endOf(table: Int32Array, word: number): number {
  const position = table[word] as number
  const length = table[word + 1] as number
  return position >= 0 && length >= -1 ? position + Math.max(length, 0) : Number.POSITIVE_INFINITY
}

/** Reads of the batch's bytes; a range outside of them is refused. */
function within(bytes: Uint8Array<ArrayBuffer>): Pick<ChunkedBytes, 'range'> {
  return {
    range(position, length) {
      if (length < 0 || position + length > bytes.length) throw malformed()
      return bytes.subarray(position, position + length)
    },
  }
}

function fillingsOf(table: Int32Array): readonly Int32Array[] {
  const fillingWords = FILLING_ROWS * ROW_WORDS
  if (table.length <= fillingWords) return [table]
  return Array.from({ length: Math.ceil(table.length / fillingWords) }, (_, filling) => {
    return table.subarray(filling * fillingWords, (filling + 1) * fillingWords)
  })
}

/** One record of a batch, as a copy: else it would keep the whole message in memory. */
export function recordAlone(batch: FetchedBatch, offset: number): FetchedBatch | undefined {
  for (let index = 0; index < batch.recordCount; index++) {
    if (batch.offsetOf(index) !== offset) continue
    const timestamp = batch.timestampOf(index)
    const headers = batch.headersOf(index).map(([name, value]) => [name, value?.slice() ?? null] as const)
    const [key, value] = [batch.keyOf(index)?.slice() ?? null, batch.valueOf(index)?.slice() ?? null]
    return {
      baseOffset: offset,
      nextOffset: offset + 1,
      recordCount: 1,
      offsetOf: () => offset,
      timestampOf: () => timestamp,
      keyOf: () => key,
      valueOf: () => value,
      headersOf: () => headers,
    }
  }
  return undefined
}
