import type { Damage } from '../../storage/recovery-report.ts'
import type { StoredProducer, StoredProducerBatch } from '../../storage/stored-state.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import type { LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import type { PartitionKey } from '../journal/frame-entry.ts'

/** CRC-32C of the first `entryCount` entries of an index file. What follows them doesn't count. */
export interface NotedIndex {
  readonly entryCount: number
  readonly checksum: number
}

/** The index files hold the batches up to a place; entries for later batches are learned from the batches. */
export interface NotedIndexes {
  readonly offsetIndex: NotedIndex
  readonly timeIndex: NotedIndex
}

/** A `.log` file as the checkpoint noted it. Files derived from it are rebuilt where they disagree. */
export interface CheckpointSegment extends NotedIndexes {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  /** Last offset of the first batch that has the greatest timestamp. */
  readonly maxTimestampOffset: number
  /** Timestamp of the segment's first batch, from which rolling by time counts; -1 without a batch. */
  readonly firstTimestamp: number
  /** The CRC of the first batch, as its header has it; `undefined` without a batch, and if it isn't known. */
  readonly firstCrc: number | undefined
  /** CRC-32C over the first 21 bytes of each batch, which batch CRCs leave out (rule 4c). */
  readonly headerChecksum: number
  /**
   * Aborted transactions whose marker stands in the segment. The checksum is a running one (segment/aborted-index.ts).
   */
  readonly abortedIndex: NotedIndex
  /** Compaction wrote it: offsets may be missing anywhere in it. */
  readonly isCleaned: boolean
}

export type NotedDamage = Pick<Damage, 'file' | 'position' | 'offset' | 'code'>

/** One partition as of the checkpoint's moment. */
export interface CheckpointPartition extends PartitionKey {
  readonly logStartOffset: number
  /**
   * At or above the end of the last segment: after an unclean end the next record gets the ceiling as its offset (rule
   * 5).
   */
  readonly nextOffset: number
  readonly ceiling: number
  /** Compaction has looked at everything below it. */
  readonly cleanedOffset: number
  /** Damage was found in the partition: no later open writes to it. */
  readonly readOnly: boolean
  /** The first damage that was found in it, and where. */
  readonly damage?: NotedDamage | undefined
  readonly segments: readonly CheckpointSegment[]
  readonly leaderEpochs: readonly LeaderEpochEntry[]
  /**
   * The last segment's last 512-byte sector, if it is incomplete: a torn later write may destroy what was in it before.
   */
  readonly partialSector: Uint8Array
  readonly producers: readonly StoredProducer[]
}

export interface CheckpointFacts {
  /** The nonce of the log (journal header), by which another log's checkpoint is refused. */
  readonly nonce: number
  /** The checkpoint's number: each has the next one, and the newest counts. */
  readonly sequence: number
  /** The number of the opening that wrote it (journal header): each has the next one. */
  readonly generation: number
  /** Frames up to this one are covered. */
  readonly coveredSequence: number
  readonly leaderEpoch: number
  /** Producer ids below it may have been given out. */
  readonly producerIdsEnd: number
  /** How many partition records follow. */
  readonly partitionCount: number
}

export function writeFacts(writer: ByteWriter, facts: CheckpointFacts): void {
  writer.int64(facts.nonce)
  writer.int64(facts.sequence)
  writer.int64(facts.generation)
  writer.int64(facts.coveredSequence)
  writer.uint32(facts.leaderEpoch)
  writer.int64(facts.producerIdsEnd)
  writer.uint32(facts.partitionCount)
}

function readFacts(reader: ByteReader): CheckpointFacts {
  return {
    nonce: reader.int64(),
    sequence: reader.int64(),
    generation: reader.int64(),
    coveredSequence: reader.int64(),
    leaderEpoch: reader.uint32(),
    producerIdsEnd: reader.int64(),
    partitionCount: reader.uint32(),
  }
}

export function writePartition(writer: ByteWriter, partition: CheckpointPartition): void {
  writer.text(partition.topicId)
  writer.uint32(partition.partition)
  writer.int64(partition.logStartOffset)
  writer.int64(partition.nextOffset)
  writer.int64(partition.ceiling)
  writer.int64(partition.cleanedOffset)
  writeReadOnly(writer, partition)
  writer.uint32(partition.segments.length)
  for (const segment of partition.segments) writeSegment(writer, segment)
  writer.uint32(partition.leaderEpochs.length)
  for (const { epoch, startOffset } of partition.leaderEpochs) {
    writer.uint32(epoch)
    writer.int64(startOffset)
  }
  writer.uint16(partition.partialSector.length)
  writer.raw(partition.partialSector)
  writer.uint32(partition.producers.length)
  for (const producer of partition.producers) writeProducer(writer, producer)
}

function writeReadOnly(writer: ByteWriter, { readOnly, damage }: CheckpointPartition): void {
  writer.uint8(readOnly ? 1 : 0)
  if (!readOnly) return
  writer.uint8(damage === undefined ? 0 : 1)
  if (damage === undefined) return
  writer.text(damage.file)
  writer.int64(damage.position)
  writer.uint8(damage.offset === undefined ? 0 : 1)
  if (damage.offset !== undefined) writer.int64(damage.offset)
  writer.text(damage.code)
}

/** Version 2 didn't say where the damage is. */
function readReadOnly(reader: ByteReader, version: number): Pick<CheckpointPartition, 'readOnly' | 'damage'> {
  if (!reader.flag()) return { readOnly: false }
  if (version < 3 || !reader.flag()) return { readOnly: true }
  const [file, position] = [reader.text(), reader.int64()]
  const offset = reader.flag() ? reader.int64() : undefined
  return { readOnly: true, damage: { file, position, offset, code: reader.text() } }
}

/** Version 1 knew no compaction. */
function readPartition(reader: ByteReader, version: number): CheckpointPartition {
  return {
    topicId: reader.text(),
    partition: reader.uint32(),
    logStartOffset: reader.int64(),
    nextOffset: reader.int64(),
    ceiling: reader.int64(),
    cleanedOffset: version === 1 ? 0 : reader.int64(),
    ...readReadOnly(reader, version),
    segments: readMany(reader, reader.uint32(), (each) => readSegment(each, version)),
    leaderEpochs: readMany(reader, reader.uint32(), readEpoch),
    partialSector: reader.raw(reader.uint16()).slice(),
    producers: readMany(reader, reader.uint32(), (each) => readProducer(each, version)),
  }
}

function readEpoch(reader: ByteReader): LeaderEpochEntry {
  return { epoch: reader.uint32(), startOffset: reader.int64() }
}

function writeSegment(writer: ByteWriter, segment: CheckpointSegment): void {
  writer.int64(segment.baseOffset)
  writer.int64(segment.nextOffset)
  writer.uint32(segment.sizeBytes)
  writer.int64(segment.maxTimestamp)
  writer.int64(segment.maxTimestampOffset)
  writer.int64(segment.firstTimestamp)
  writer.uint8(segment.firstCrc === undefined ? 0 : 1)
  if (segment.firstCrc !== undefined) writer.uint32(segment.firstCrc)
  writer.uint32(segment.headerChecksum)
  writeIndex(writer, segment.offsetIndex)
  writeIndex(writer, segment.timeIndex)
  writeIndex(writer, segment.abortedIndex)
  writer.uint8(segment.isCleaned ? 1 : 0)
}

function writeIndex(writer: ByteWriter, index: NotedIndex): void {
  writer.uint32(index.entryCount)
  writer.uint32(index.checksum)
}

/** Version 3 didn't note the first batch's CRC. */
function readSegment(reader: ByteReader, version: number): CheckpointSegment {
  return {
    baseOffset: reader.int64(),
    nextOffset: reader.int64(),
    sizeBytes: reader.uint32(),
    maxTimestamp: reader.int64(),
    maxTimestampOffset: reader.int64(),
    firstTimestamp: reader.int64(),
    firstCrc: version > 3 && reader.flag() ? reader.uint32() : undefined,
    headerChecksum: reader.uint32(),
    offsetIndex: readIndex(reader),
    timeIndex: readIndex(reader),
    abortedIndex: readIndex(reader),
    isCleaned: version > 1 && reader.flag(),
  }
}

function readIndex(reader: ByteReader): NotedIndex {
  return { entryCount: reader.uint32(), checksum: reader.uint32() }
}

function writeProducer(writer: ByteWriter, producer: StoredProducer): void {
  writer.int64(producer.producerId)
  writer.int64(producer.producerEpoch)
  writer.int64(producer.coordinatorEpoch)
  writer.int64(producer.currentTransactionFirstOffset)
  writer.uint8(producer.batches.length)
  if (producer.batches.length === 0) writer.int64(producer.markerTimestamp ?? -1)
  for (const batch of producer.batches) {
    writer.uint32(batch.firstSequence)
    writer.uint32(batch.lastSequence)
    writer.int64(batch.baseOffset)
    writer.int64(batch.lastOffset)
    writer.int64(batch.timestamp)
  }
}

function readProducer(reader: ByteReader, version: number): StoredProducer {
  const producer = {
    producerId: reader.int64(),
    producerEpoch: reader.int64(),
    coordinatorEpoch: reader.int64(),
    currentTransactionFirstOffset: reader.int64(),
    batches: readMany(reader, reader.uint8(), readProducerBatch),
  }
  // Version 4 didn't say when a producer's last marker came.
  if (version < 5 || producer.batches.length > 0) return producer
  const markerTimestamp = reader.int64()
  return markerTimestamp < 0 ? producer : { ...producer, markerTimestamp }
}

function readProducerBatch(reader: ByteReader): StoredProducerBatch {
  return {
    firstSequence: reader.uint32(),
    lastSequence: reader.uint32(),
    baseOffset: reader.int64(),
    lastOffset: reader.int64(),
    timestamp: reader.int64(),
  }
}

/** A count is believed only as far as there are bytes for that many items. */
function readMany<T>(reader: ByteReader, count: number, read: (reader: ByteReader) => T): T[] {
  if (count > reader.remaining) throw reader.damaged(`${count} entries announced`)
  return Array.from({ length: count }, () => read(reader))
}

export interface CheckpointRecord extends CheckpointFacts {
  readonly partitions: readonly CheckpointPartition[]
}

export function decodeCheckpoint(
  payload: Uint8Array,
  version: number,
  file: string,
  position: number,
): CheckpointRecord {
  const reader = new ByteReader(payload, file, position)
  const facts = readFacts(reader)
  const partitions = readMany(reader, facts.partitionCount, (each) => readPartition(each, version))
  reader.end()
  return { ...facts, partitions }
}
