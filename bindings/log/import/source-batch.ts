import type { BatchFault, DecodedBatch, Kernel } from '../../kernel/kernel.ts'
import { ATTRIBUTE_CODEC } from '../../model/compression.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import { viewOf } from '../segment/batch-head.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import type { WalkedBatch } from '../segment/batch-walk.ts'

const TYPE_ABORT = 0
const TYPE_COMMIT = 1
const KEY_BYTES_MIN = 4
/**
 * The attribute bits that Kafka gives a meaning: codec, time, transactional, control, delete horizon (kafka.md 1.1).
 */
const KNOWN_ATTRIBUTES = 0x7f
const LEADER_EPOCH_AT = 12
/** Producer ids are never given twice: above this bound too few would be left for the log's own producers. */
const PRODUCER_ID_MAX = 2 ** 52
/** Every unclean open raises the epoch by one, and a batch holds it as an int32. */
const LEADER_EPOCH_MAX = 2 ** 30

/** A batch of the source, in memory of its own. */
export interface SourceBatch extends ScannedBatch {
  /** Relative to the source. */
  readonly file: string
  /** In bytes from the start of the file. */
  readonly position: number
  /** How a control batch ends its transaction. */
  readonly ends: 'commit' | 'abort' | undefined
  /** The batch's records, if they were asked for. */
  readonly records: DecodedBatch | undefined
}

/** A batch that can't be taken although its CRC holds. */
export interface Unusable {
  readonly fault: BatchFault | 'unknown-attributes' | 'unknown-control' | 'producer-id-range' | 'leader-epoch-range'
}

export interface Wanted {
  readonly needsRecords: boolean
  /** Takes control batches of any kind without looking into them: the controllers' log has others than markers. */
  readonly takesAnyControl: boolean
}

/**
 * A copy of the batch that the walk found. The records of a compressed batch are looked at too: the CRC vouches for its
 * bytes, not for what they decompress to.
 */
export function takeBatch(kernel: Kernel, file: string, walked: WalkedBatch, wanted: Wanted): SourceBatch | Unusable {
  const header = { ...walked.header }
  const { attributes, sizeBytes, partitionLeaderEpoch } = header
  const bytes = walked.buffer.bytes(walked.bufferPosition, walked.bufferPosition + sizeBytes).slice()
  if ((attributes & ~KNOWN_ATTRIBUTES) !== 0) return { fault: 'unknown-attributes' }
  if (header.producerId > PRODUCER_ID_MAX) return { fault: 'producer-id-range' }
  if (partitionLeaderEpoch > LEADER_EPOCH_MAX) return { fault: 'leader-epoch-range' }
  // No CRC covers the leader epoch, and nothing here counts from below 0.
  if (partitionLeaderEpoch < 0) {
    header.partitionLeaderEpoch = 0
    viewOf(bytes).setInt32(LEADER_EPOCH_AT, 0)
  }
  const isControl = (attributes & ATTRIBUTE_CONTROL) !== 0
  const mustDecode = wanted.needsRecords || isControl || (attributes & ATTRIBUTE_CODEC) !== 0
  const records = mustDecode
    ? kernel.batchReader.decodeIntact(walked.buffer, walked.bufferPosition, sizeBytes)
    : undefined
  if (typeof records === 'string') return { fault: records }
  const ends = isControl && !wanted.takesAnyControl && records !== undefined ? endOf(attributes, records) : undefined
  if (ends === 'unknown') return { fault: 'unknown-control' }
  const { position, nextOffset } = walked
  return { header, bytes, file, position, nextOffset, ends, records: wanted.needsRecords ? records : undefined }
}

/** A marker's key: int16 version, int16 type. Later versions are read as version 0 (kafka.md 1.3). */
function endOf(attributes: number, records: DecodedBatch): SourceBatch['ends'] | 'unknown' {
  // Compaction may leave it empty, if it was the last batch of its producer.
  if (records.recordCount === 0) return undefined
  const key = records.keyOf(0)
  if (key === null || key.length < KEY_BYTES_MIN) return 'unknown'
  const type = viewOf(key).getInt16(2)
  if ((attributes & ATTRIBUTE_TRANSACTIONAL) !== 0 && type === TYPE_ABORT) return 'abort'
  if ((attributes & ATTRIBUTE_TRANSACTIONAL) !== 0 && type === TYPE_COMMIT) return 'commit'
  return 'unknown'
}
