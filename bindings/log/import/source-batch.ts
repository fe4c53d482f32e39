import type { BatchFault, DecodedBatch, Kernel } from '../../kernel/kernel.ts'
import { ATTRIBUTE_CODEC } from '../../model/compression.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import { viewOf } from '../segment/batch-frame.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { WalkedBatch } from '../segment/walk.ts'

const TYPE_ABORT = 0
const TYPE_COMMIT = 1
const KEY_BYTES_MIN = 4
/** Bits that Kafka gives a meaning: codec, time, transactional, control, delete horizon (kafka.md 1.1). */
const KNOWN_ATTRIBUTES = 0x7f
const LEADER_EPOCH_AT = 12
/** A producer id is never given twice: above it too few would be left to the log's own producers. */
const PRODUCER_ID_MAX = 2 ** 52
/** Every unclean open takes the next one, and a batch holds an int32. */
const LEADER_EPOCH_MAX = 2 ** 30

/** A batch of the source that owns its bytes. */
export interface SourceBatch extends ScannedBatch {
  /** Relative to the source. */
  readonly file: string
  /** In the file. */
  readonly position: number
  /** Of a control batch. */
  readonly ends: 'commit' | 'abort' | undefined
  /** Its records, where they were asked for. */
  readonly records: DecodedBatch | undefined
}

/** Whole by its CRC, and yet nothing that can be taken. */
export interface Unusable {
  readonly fault: BatchFault | 'unknown-attributes' | 'unknown-control' | 'producer-id-range' | 'leader-epoch-range'
}

export interface Wanted {
  readonly records: boolean
  /** Control batches of any kind say nothing here: the controllers' log has others than markers. */
  readonly anyControl: boolean
}

/**
 * What the walk found, copied. Records of compressed batches are looked at: the CRC vouches for their bytes, and not for what
 * comes out of them.
 */
export function takeBatch(kernel: Kernel, file: string, walked: WalkedBatch, wanted: Wanted): SourceBatch | Unusable {
  const header = { ...walked.header }
  const { attributes, sizeBytes, partitionLeaderEpoch } = header
  const bytes = walked.buffer.bytes(walked.bufferPosition, walked.bufferPosition + sizeBytes).slice()
  if ((attributes & ~KNOWN_ATTRIBUTES) !== 0) return { fault: 'unknown-attributes' }
  if (header.producerId > PRODUCER_ID_MAX) return { fault: 'producer-id-range' }
  if (partitionLeaderEpoch > LEADER_EPOCH_MAX) return { fault: 'leader-epoch-range' }
  // No CRC covers it, and nothing here counts from below 0.
  if (partitionLeaderEpoch < 0) {
    header.partitionLeaderEpoch = 0
    viewOf(bytes).setInt32(LEADER_EPOCH_AT, 0)
  }
  const isControl = (attributes & ATTRIBUTE_CONTROL) !== 0
  const mustDecode = wanted.records || isControl || (attributes & ATTRIBUTE_CODEC) !== 0
  const records = mustDecode
    ? kernel.batchReader.decode(walked.buffer, walked.bufferPosition, sizeBytes, true)
    : undefined
  if (typeof records === 'string') return { fault: records }
  const ends = isControl && !wanted.anyControl && records !== undefined ? endOf(attributes, records) : undefined
  if (ends === 'unknown') return { fault: 'unknown-control' }
  const { position, nextOffset } = walked
  return { header, bytes, file, position, nextOffset, ends, records: wanted.records ? records : undefined }
}

/** The key of a marker: int16 version, int16 type; later versions are read as 0 (kafka.md 1.3). */
function endOf(attributes: number, records: DecodedBatch): SourceBatch['ends'] | 'unknown' {
  // Compaction may leave an empty one of a producer whose last batch was a marker.
  if (records.recordCount === 0) return undefined
  const key = records.keyOf(0)
  if (key === null || key.length < KEY_BYTES_MIN) return 'unknown'
  const type = viewOf(key).getInt16(2)
  if ((attributes & ATTRIBUTE_TRANSACTIONAL) !== 0 && type === TYPE_ABORT) return 'abort'
  if ((attributes & ATTRIBUTE_TRANSACTIONAL) !== 0 && type === TYPE_COMMIT) return 'commit'
  return 'unknown'
}
