import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, letOthersRun, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { openFile } from '../journal/ring.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { type CheckpointRecord, decodeCheckpoint } from './checkpoint-record.ts'

export const CHECKPOINT_DIRECTORY = 'checkpoint'

/**
 * Places for a checkpoint, written in turn; the newest whole record counts (rule 4c). A running log would do with two.
 * Recovery needs the third: the record that it reads may not be durable, and has to be copied before an older one is
 * overwritten.
 */
const CHECKPOINT_PLACES = 3

const MAGIC = 0x4f4c4350 // 'OLCP'
/** A record that recovery copied; its original counts as long as it is whole. */
const COPY_MAGIC = 0x4f4c4343 // 'OLCC'
/** Version 2 added compaction, 3 where a read-only partition is damaged, 4 the CRC of a segment's first batch. */
const VERSION = 4
/**
 * With tens of thousands of partitions a record has many megabytes, so commits have their turn between parts of this
 * size.
 */
const WRITTEN_AT_ONCE_BYTES = 512 * 1024
/** Magic, version, payload length, checksum. */
const HEAD_BYTES = 16

/** Where the next record goes once the one in this place is durable. */
export function placeAfter(place: number): number {
  return (place + 1) % CHECKPOINT_PLACES
}

export function checkpointFile(place: number): string {
  return `${CHECKPOINT_DIRECTORY}/${place}`
}

export function encodeCheckpointFile(payload: Uint8Array, kernel: Kernel): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES + payload.length)
  writer.uint32(MAGIC)
  writer.uint32(VERSION)
  writer.uint32(payload.length)
  writer.uint32(sealOf(payload, VERSION, kernel))
  writer.raw(payload)
  return writer.bytes
}

/** The checksum covers the version too: else one flipped bit could turn our file into one of a newer oncelog. */
function sealOf(payload: Uint8Array, version: number, kernel: Kernel): number {
  return (kernel.crc32cOf(payload) ^ version) >>> 0
}

/** The record in a checkpoint file, or `undefined` for one that is torn or was never written. */
export function decodeCheckpointFile(bytes: Uint8Array, kernel: Kernel, file: string): CheckpointRecord | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const reader = new ByteReader(bytes, file)
  const magic = reader.uint32()
  if (magic !== MAGIC && magic !== COPY_MAGIC) return undefined
  const version = reader.uint32()
  const lengthBytes = reader.uint32()
  const crc = reader.uint32()
  if (lengthBytes > reader.remaining) return undefined
  const payload = reader.raw(lengthBytes)
  if (sealOf(payload, version, kernel) !== crc) return undefined
  if (version < 1 || version > VERSION) {
    throw new LogError('UNSUPPORTED_VERSION', `${file} has version ${version}; this oncelog knows ${VERSION}`, {
      file,
      position: 4,
      version,
      known: VERSION,
    })
  }
  return decodeCheckpoint(payload, version, file, HEAD_BYTES)
}

/** A whole record and where it stands. */
export interface FoundCheckpoint {
  readonly place: number
  readonly record: CheckpointRecord
  readonly isCopy: boolean
  readonly bytes: Uint8Array
}

/**
 * Every place that holds a whole record of this log, newest first, an original before its copy. `torn` gets the files
 * that hold something else.
 */
export function* readCheckpoints(
  store: FileStore,
  kernel: Kernel,
  nonce: number | undefined,
  torn: string[] = [],
): Task<readonly FoundCheckpoint[]> {
  const found: FoundCheckpoint[] = []
  for (let place = 0; place < CHECKPOINT_PLACES; place++) {
    const file = yield* openFile(store, checkpointFile(place), false)
    if (file === undefined) continue
    const bytes = readWhole(file)
    file.close()
    const record = decodeCheckpointFile(bytes, kernel, checkpointFile(place))
    if (record === undefined || (nonce !== undefined && record.nonce !== nonce)) {
      if (bytes.length === 0) continue
      recoveryMarks.hit('torn-checkpoint-passed-over')
      torn.push(file.path)
      continue
    }
    found.push({ place, record, isCopy: new ByteReader(bytes, file.path).uint32() === COPY_MAGIC, bytes })
  }
  return found.sort((a, b) => b.record.sequence - a.record.sequence || Number(a.isCopy) - Number(b.isCopy))
}

/** A checkpoint file that is written and not durable yet: the caller flushes it and syncs its entry. */
export interface PlacedCheckpoint {
  readonly place: number
  readonly file: StoreFile
}

/**
 * A place that may be written to though no record that is read is known to be durable (rule 6e): neither the newest
 * one's, nor that of the one which was durable before the newest was written. That is the record before it, and of that
 * one the copy, if there is one: its recovery flushed the copy, and maybe nobody the original. Without a record before
 * it something else in the third place was torn, so the newest one's copy was durable already.
 */
export function sparePlace(found: readonly FoundCheckpoint[]): number {
  const sequences = [...new Set(found.map(({ record }) => record.sequence))]
  const [newest = [], elder = []] = sequences.map((each) => found.filter(({ record }) => record.sequence === each))
  const kept = elder.length > 0 ? [...newest.slice(0, 1), ...elder.slice(-1)] : newest.slice(-2)
  const places = Array.from({ length: CHECKPOINT_PLACES }, (_, place) => place)
  return places.find((place) => !kept.some((each) => each.place === place)) ?? 0
}

/** Copies the newest record: only a copy of our own can be made durable for sure, as reading one back proves nothing. */
export function* placeCopy(store: FileStore, found: readonly FoundCheckpoint[]): Task<PlacedCheckpoint | undefined> {
  const [newest] = found
  if (newest === undefined) return undefined
  const place = sparePlace(found)
  const bytes = newest.bytes.slice()
  new DataView(bytes.buffer).setUint32(0, COPY_MAGIC)
  return { place, file: yield* placeCheckpointFile(store, place, bytes) }
}

export function readWhole(file: StoreFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.size())
  return bytes.subarray(0, file.read(bytes, 0))
}

/** Writes to a place and makes it and its directory entry durable. */
export function* writeCheckpointFile(store: FileStore, place: number, bytes: Uint8Array): Task<void> {
  const file = yield* placeCheckpointFile(store, place, bytes)
  yield* performAll([flushOf(file), directorySync(store, CHECKPOINT_DIRECTORY)])
  file.close()
}

/** Writes to a place; not durable yet. */
export function* placeCheckpointFile(store: FileStore, place: number, bytes: Uint8Array): Task<StoreFile> {
  const path = checkpointFile(place)
  const file = yield* openFile(store, path, true)
  if (file === undefined) throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${path}`, { file: path })
  for (let at = 0; at < bytes.length; at += WRITTEN_AT_ONCE_BYTES) {
    if (at > 0) yield* letOthersRun()
    writeFully(file, bytes.subarray(at, at + WRITTEN_AT_ONCE_BYTES), at)
  }
  if (file.size() > bytes.length) file.truncate(bytes.length)
  return file
}
