import type { Kernel } from '../../kernel/kernel.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { damagedFile } from './small-file.ts'

/**
 * Kafka's `.snapshot`, version 1: the last batch of each producer up to the offset in its name. Big-endian.
 *
 * | byte | width | field |
 * | 0 | 2 | version 1 |
 * | 2 | 4 | CRC-32C of everything from byte 6 |
 * | 6 | 4 | entry count |
 * | 10 | 46 each | producer id 8, epoch 2, last sequence 4, last offset 8, offset delta 4, timestamp 8, coordinator epoch 4, first offset of the open transaction 8; -1 = none |
 *
 * Source: Kafka's ProducerStateManager and ProducerSnapshot.json (kafka.md 3.7).
 */
const VERSION = 1
const CRC_AT = 2
const CRC_FROM = 6
const COUNT_AT = 6
const HEADER_BYTES = 10
const ENTRY_BYTES = 46
const SEQUENCES = 0x8000_0000
const TWO_POW_32 = 0x1_0000_0000

type Checksum = Pick<Kernel, 'crc32cOf'>

export function encodeProducerSnapshot(kernel: Checksum, producers: Iterable<StoredProducer>): Uint8Array<ArrayBuffer> {
  const entries = [...producers]
  const bytes = new Uint8Array(HEADER_BYTES + entries.length * ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  view.setInt16(0, VERSION)
  view.setInt32(COUNT_AT, entries.length)
  let at = HEADER_BYTES
  for (const producer of entries) {
    const batch = producer.batches.at(-1)
    setInt64(view, at, producer.producerId)
    view.setInt16(at + 8, producer.producerEpoch)
    view.setInt32(at + 10, batch?.lastSequence ?? -1)
    setInt64(view, at + 14, batch?.lastOffset ?? -1)
    view.setInt32(at + 22, batch === undefined ? 0 : batch.lastOffset - batch.baseOffset)
    setInt64(view, at + 26, batch?.timestamp ?? producer.markerTimestamp ?? -1)
    view.setInt32(at + 34, producer.coordinatorEpoch)
    setInt64(view, at + 38, producer.currentTransactionFirstOffset)
    at += ENTRY_BYTES
  }
  view.setUint32(CRC_AT, kernel.crc32cOf(bytes.subarray(CRC_FROM)))
  return bytes
}

/** The producers, each with its last batch. CORRUPT_LOG for bytes that `encodeProducerSnapshot` can't have written. */
export function decodeProducerSnapshot(kernel: Checksum, bytes: Uint8Array, path: string): StoredProducer[] {
  const reader = new ByteReader(bytes, path)
  if (reader.uint16() !== VERSION) throw damagedFile(path, 0, `the version is not ${VERSION}`)
  const crc = reader.uint32()
  const count = reader.uint32()
  if (reader.remaining !== count * ENTRY_BYTES) {
    throw damagedFile(path, COUNT_AT, `${count} producers don't fill ${bytes.length} bytes`)
  }
  if (kernel.crc32cOf(bytes.subarray(CRC_FROM)) !== crc) throw damagedFile(path, CRC_AT, 'the checksum differs')
  const producers: StoredProducer[] = []
  for (let index = 0; index < count; index++) producers.push(readProducer(reader))
  return producers
}

function readProducer(reader: ByteReader): StoredProducer {
  const producerId = reader.int64()
  const producerEpoch = (reader.uint16() << 16) >> 16
  const lastSequence = reader.uint32() | 0
  const lastOffset = reader.int64()
  const offsetDelta = reader.uint32() | 0
  const timestamp = reader.int64()
  const coordinatorEpoch = reader.uint32() | 0
  const currentTransactionFirstOffset = reader.int64()
  if (producerId < 0 || producerEpoch < -1 || lastSequence < -1 || lastOffset < -1 || offsetDelta < 0) {
    throw reader.damaged('a field of the producer before is negative')
  }
  if (lastOffset >= 0 && offsetDelta > lastOffset) throw reader.damaged('the batch before begins below offset 0')
  // Only a marker is known of this producer, so it has no batch.
  const hasBatch = lastSequence >= 0 && lastOffset >= 0
  // A batch that crosses the wrap-around of sequences ends at a smaller one than it began: last 10 with delta 20 began
  // at 2147483638.
  const firstSequence = (lastSequence - offsetDelta + SEQUENCES) % SEQUENCES
  const batch = { firstSequence, lastSequence, baseOffset: lastOffset - offsetDelta, lastOffset, timestamp }
  return {
    producerId,
    producerEpoch,
    coordinatorEpoch,
    currentTransactionFirstOffset,
    batches: hasBatch ? [batch] : [],
    ...(!hasBatch && timestamp >= 0 && { markerTimestamp: timestamp }),
  }
}

function setInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_POW_32)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * TWO_POW_32)
}
