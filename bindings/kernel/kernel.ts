import type { BatchMemory } from '../model/batch-memory.ts'
import type { Codecs, CompressedRecords } from '../model/compression.ts'
import type { HeaderList, RecordBytes } from '../model/records.ts'

/**
 * What the other folders know of the WASM kernel. No address leaves this folder: buffers, builders and tables are
 * objects, and places inside a buffer are byte positions relative to its start.
 *
 * Memory: everything comes from one cap (`capBytes`). An allocation that doesn't fit returns `undefined` and changes
 * nothing; the caller evicts or waits. A view (`bytes`) is invalid after the next call that may allocate: use it, don't
 * keep it, and never hand it to asynchronous I/O.
 *
 * A WASM trap poisons the instance: every later call throws the same LogError (KERNEL_POISONED).
 */

export interface KernelOptions {
  /** Upper bound of WASM memory in bytes, rounded down to 64 KiB pages. */
  readonly capBytes: number
  /** Codecs that decompress batches. UNSUPPORTED_COMPRESSION_TYPE if the one that a batch needs is missing. */
  readonly codecs?: Codecs | undefined
}

export interface Kernel {
  readonly memory: KernelMemory
  /** Those it was created with. */
  readonly codecs: Codecs
  /** At least `sizeBytes` of WASM memory, or `undefined` at the cap. */
  allocate(sizeBytes: number): KernelBuffer | undefined
  copy(from: KernelBuffer, fromPosition: number, to: KernelBuffer, toPosition: number, lengthBytes: number): void
  /** CRC-32C (Castagnoli, reflected 0x82F63B78) as an unsigned 32-bit number. */
  crc32c(buffer: KernelBuffer, position: number, lengthBytes: number): number
  /** The same over bytes outside the kernel; copies through a staging buffer, any length. */
  crc32cOf(bytes: Uint8Array): number
  /** Sets the key of `hashOf`, four words. Drawn at random, it keeps others from making two inputs of one hash. */
  seedHash(words: Uint32Array): void
  /** SipHash-2-4 of the bytes as four 32-bit words; MEMORY_CAP_REACHED where there is no room for long ones. */
  hashOf(bytes: Uint8Array, into: Int32Array): void
  readonly batchBuilder: BatchBuilder
  readonly batchReader: BatchReader
  offsetIndex(baseOffset: number): OffsetIndex
  timeIndex(baseOffset: number): TimeIndex
  producerTable(): ProducerTable
}

export interface KernelMemory {
  readonly capBytes: number
  /** WASM memory grown so far. */
  readonly reservedBytes: number
  /** Bytes in live allocations. */
  readonly usedBytes: number
}

export interface KernelBuffer {
  readonly sizeBytes: number
  /** A view of [from, to): valid until the next kernel call that may allocate. */
  bytes(from: number, to: number): Uint8Array<ArrayBuffer>
  free(): void
}

export interface BatchSeal {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  /** -1 = none, then epoch and sequence are -1 too. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Kafka's attribute bits; 0x10 transactional, 0x20 control. */
  readonly attributes: number
}

/** A key and a value in any object of a program: their types are only claimed. */
export interface PlainRecord {
  readonly key?: RecordBytes | undefined
  readonly value: RecordBytes
}

/**
 * Encodes one RecordBatch v2 in place: begin, append for each record, seal. One batch at a time per kernel.
 * Source: kafka.md section 1 (Kafka's DefaultRecordBatch).
 */
export interface BatchBuilder {
  /** Whether it is between `begin` and `seal` or `abandon`: the kernel has one open batch. */
  readonly isOpen: boolean
  begin(buffer: KernelBuffer, position: number): void
  /**
   * False when the record doesn't fit into the rest of the buffer: nothing of it is written, and the batch can still be
   * sealed.
   */
  append(key: RecordBytes, value: RecordBytes, timestamp: number, headers: HeaderList | undefined): boolean
  /**
   * Many records in one call, with one timestamp and without headers. `payload` holds their keys and values one after
   * the other, `lengths` two numbers for each record (key, value; -1 for null). Appends all of them, or none and
   * returns false.
   */
  appendPacked(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean
  /**
   * Records of a program, with one timestamp and without headers. False when one doesn't fit: those before it are
   * appended. INVALID_RECORD for one with a field that is neither text nor bytes, with its place.
   */
  appendPlain(records: readonly PlainRecord[], timestamp: number): boolean
  /**
   * All records of the batch, compressed; `maxTimestamp` goes into its header. False if they don't fit. They aren't
   * decompressed here, and `seal` has to name the codec.
   */
  putCompressed(records: CompressedRecords, maxTimestamp: number): boolean
  readonly recordCount: number
  /** Bytes so far, header included. */
  readonly sizeBytes: number
  readonly maxTimestamp: number
  /** Writes the 61-byte header and the CRC; returns the size of the batch in bytes. */
  seal(fields: BatchSeal): number
  abandon(): void
}

/** The header's fields, parsed; 64-bit ones as numbers (beyond 2^53: fault 'int64-range'). */
export interface BatchHeader {
  baseOffset: number
  /** Whole batch, the 12 bytes of log overhead included. */
  sizeBytes: number
  partitionLeaderEpoch: number
  magic: number
  crc: number
  attributes: number
  lastOffsetDelta: number
  baseTimestamp: number
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  recordCount: number
}

/** Why bytes are not a whole, intact batch; the caller adds file and position. */
export type BatchFault =
  | 'incomplete' // fewer bytes than the header or its length names
  | 'bad-length' // length below 49, negative or beyond the limit
  | 'bad-magic'
  | 'bad-crc'
  | 'bad-count' // lastOffsetDelta, record count or a record's inner lengths disagree
  | 'int64-range' // a field lies beyond 2^53
  | 'bad-compression' // records that don't decompress, or a codec that Kafka doesn't have
  | 'too-large' // more comes out than any batch may take

export interface BatchReader {
  /** Parses header fields without checking the CRC; `undefined` with fewer than 61 bytes. The object is reused. */
  header(buffer: KernelBuffer, position: number, availableBytes: number): Readonly<BatchHeader> | undefined
  /**
   * Lengths, magic, counts and CRC of the batch at `position`; `undefined` when it is intact. Records are not walked.
   */
  fault(buffer: KernelBuffer, position: number, availableBytes: number): BatchFault | undefined
  /**
   * How many bytes from `position` on are whole, intact batches in unbroken sequence (each baseOffset at or above the
   * nextOffset before it): the bulk form of `fault` for scans and recovery.
   */
  intactBytes(buffer: KernelBuffer, position: number, availableBytes: number, expectedOffset: number): number
  /**
   * Checks CRC and structure and copies the batch out once, with its record table. Returns a fault if the batch isn't
   * intact. A compressed batch is decompressed through kernel memory (MEMORY_CAP_REACHED, UNSUPPORTED_COMPRESSION_TYPE).
   * Bytes and table lie in `memory`, if that is given and large enough: it is never moved, unlike the kernel's own.
   */
  decode(
    buffer: KernelBuffer,
    position: number,
    availableBytes: number,
    memory?: BatchMemory | undefined,
  ): DecodedBatch | BatchFault
  /** As `decode`, of a batch whose CRC was checked already: only the structure is. */
  decodeIntact(
    buffer: KernelBuffer,
    position: number,
    availableBytes: number,
    memory?: BatchMemory | undefined,
  ): DecodedBatch | BatchFault
  /**
   * Lays out the records of a batch outside of the kernel and hashes their keys, part by part. `header`: of the batch,
   * whose CRC was checked. `records`: the bytes after it, decompressed; they mustn't change until the last part.
   */
  keyedParts(header: Uint8Array, records: Uint8Array): KeyedParts
}

export interface KeyedParts {
  /**
   * The next part, valid until the kernel is used again, which is allowed between two parts. A fault where a record is
   * wrong; `undefined` after the last part. MEMORY_CAP_REACHED if the kernel has no room for it.
   */
  next(): KeyedRecords | BatchFault | undefined
}

/** Some records of a batch, as compaction reads them. Positions count from the batch's first record. */
export interface KeyedRecords {
  readonly count: number
  /** The last records of the batch. */
  readonly isLast: boolean
  /** Hashes of the keys as `hashOf` gives them, four words for each record; undefined for a record without a key. */
  readonly hashes: Int32Array
  startOf(index: number): number
  endOf(index: number): number
  keyPositionOf(index: number): number
  /** -1 without a key. */
  keyLengthOf(index: number): number
  valuePositionOf(index: number): number
  /** -1 for a tombstone. */
  valueLengthOf(index: number): number
  offsetDeltaOf(index: number): number
  timestampOf(index: number): number
}

/** A batch that owns its bytes, or has them in lent memory: one copy, whatever the number of records. */
export interface DecodedBatch {
  readonly baseOffset: number
  /** baseOffset + lastOffsetDelta + 1: not baseOffset + recordCount, they differ after compaction. */
  readonly nextOffset: number
  readonly header: Readonly<BatchHeader>
  readonly recordCount: number
  /** Size of the batch without compression. */
  readonly plainBytes: number
  /** Bytes of its record table and its records together. */
  readonly memoryBytes: number
  /** Writes both, the table first. */
  pack(words: Int32Array<ArrayBuffer>, at: number): void
  offsetOf(index: number): number
  timestampOf(index: number): number
  keyOf(index: number): Uint8Array<ArrayBuffer> | null
  valueOf(index: number): Uint8Array<ArrayBuffer> | null
  headersOf(index: number): readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[]
}

/** Kafka's `.index`: 8-byte entries (relative last offset, start position of the batch), big-endian as in the file. */
export interface OffsetIndex {
  readonly entryCount: number
  readonly lastOffset: number
  /** False without memory; the index stays as it was. An index is only a hint: without an entry, lookups are slower. */
  append(lastOffset: number, position: number): boolean
  /** File position of the greatest entry at or below `offset`; 0 without one. */
  lookup(offset: number): number
  /** The file's bytes, a view like KernelBuffer.bytes. */
  bytes(): Uint8Array<ArrayBuffer>
  /** Replaces the content by a file's bytes. False: not a multiple of 8, not strictly ascending, or no memory. */
  load(bytes: Uint8Array): boolean
  free(): void
}

/** Kafka's `.timeindex`: 12-byte entries (timestamp, relative offset). */
export interface TimeIndex {
  readonly entryCount: number
  readonly lastTimestamp: number
  /** Ignored (true) when the timestamp is not above the last one; false without memory. */
  append(timestamp: number, offset: number): boolean
  /** Offset of the greatest entry whose timestamp is at or below `timestamp`; the base offset without one. */
  lookup(timestamp: number): number
  /** As those of OffsetIndex, in entries of 12 bytes; timestamps must ascend, offsets not descend. */
  bytes(): Uint8Array<ArrayBuffer>
  load(bytes: Uint8Array): boolean
  free(): void
}

/** Results of ProducerTable.check; for a duplicate it is the original's base offset instead (>= 0). */
export const SEQUENCE_ACCEPTED = -1
export const SEQUENCE_OUT_OF_ORDER = -2
export const SEQUENCE_STALE_EPOCH = -3
/** Below the five known batches: surely written, but the offset isn't known any more (durability rule 8). */
export const SEQUENCE_BELOW_WINDOW = -4

export interface ProducerWindow {
  producerId: number
  producerEpoch: number
  coordinatorEpoch: number
  currentTransactionFirstOffset: number
  /** Oldest first, at most five. */
  batches: readonly {
    firstSequence: number
    lastSequence: number
    baseOffset: number
    lastOffset: number
    timestamp: number
  }[]
  /** The time of the last marker, if there are no batches. */
  markerTimestamp?: number | undefined
}

/**
 * The last five batches of each producer of one partition. Sequences wrap from 2^31-1 to 0 (kafka.md 3.2 to 3.4).
 * An exact repeat of one of the five is a duplicate; a range that lies wholly below the oldest of five is
 * SEQUENCE_BELOW_WINDOW; any partial overlap or gap is SEQUENCE_OUT_OF_ORDER.
 */
export interface ProducerTable {
  readonly producerCount: number
  /**
   * How such a batch compares with the known ones: one of the SEQUENCE_ results, or the base offset of the original
   * that it repeats.
   */
  check(producerId: number, producerEpoch: number, firstSequence: number, recordCount: number): number
  /** Makes room for one more producer ahead of an append, so that `push` can't fail. False at the cap. */
  reserve(): boolean
  /** Takes a batch that was accepted. Throws for a producer without room: `reserve` comes first. */
  push(
    producerId: number,
    producerEpoch: number,
    firstSequence: number,
    recordCount: number,
    baseOffset: number,
    timestamp: number,
  ): void
  /** All producers, in no order. */
  windows(): IterableIterator<ProducerWindow>
  /** Replaces what is known of a producer. False at the cap, but never for one that is known. */
  load(window: ProducerWindow): boolean
  /** Forgets a producer, if it is known. */
  remove(producerId: number): void
  free(): void
}
