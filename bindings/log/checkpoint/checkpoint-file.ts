import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, letOthersRun, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile, withFile } from '../../storage/open-file.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { readWhole } from '../files/small-file.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { type CheckpointRecord, decodeCheckpoint } from './checkpoint-record.ts'

export const CHECKPOINT_DIRECTORY = 'checkpoint'

/**
 * Places that a running log writes in turn; the newest whole record counts (rule 4c). A recovery may need any further
 * place: it can't know of the records that it reads which of them are durable.
 */
const CHECKPOINT_PLACES = 3

const MAGIC = 0x4f4c4350 // 'OLCP'
/** A record that recovery copied; its original counts as long as it is whole. */
const COPY_MAGIC = 0x4f4c4343 // 'OLCC'
/** Version 2 added compaction, 3 where a read-only partition is damaged, 4 the CRC of a segment's first batch. */
const VERSION = 5
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
  // No record is empty, but the checksum of nothing is zero, as what a torn write leaves may be.
  if (lengthBytes === 0 || lengthBytes > reader.remaining) return undefined
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
  for (const place of yield* checkpointPlaces(store)) {
    const path = checkpointFile(place)
    const bytes = yield* withFile(store, path, (file) => readWhole(file))
    if (bytes === undefined) continue
    const record = decodeCheckpointFile(bytes, kernel, path)
    if (record === undefined || (nonce !== undefined && record.nonce !== nonce)) {
      if (bytes.length === 0) continue
      recoveryMarks.hit('torn-checkpoint-passed-over')
      torn.push(path)
      continue
    }
    found.push({ place, record, isCopy: new ByteReader(bytes, path).uint32() === COPY_MAGIC, bytes })
  }
  return found.sort((a, b) => b.record.sequence - a.record.sequence || Number(a.isCopy) - Number(b.isCopy))
}

/** A checkpoint file that is written and not durable yet: the caller flushes it and syncs its entry. */
export interface PlacedCheckpoint {
  readonly place: number
  readonly file: StoreFile
}

function* checkpointPlaces(store: FileStore): Task<readonly number[]> {
  const names = yield* perform('list', CHECKPOINT_DIRECTORY, () => store.list(CHECKPOINT_DIRECTORY))
  const places = names.filter((name) => /^(0|[1-9]\d{0,8})$/.test(name)).map(Number)
  return places.sort((a, b) => a - b)
}

/**
 * Copies the newest record: only a copy of our own can be made durable for certain, because reading a record back
 * doesn't prove it durable (rule 6e). The copy replaces no whole record of the two newest sequences: any of them may be
 * the only durable one, and an earlier recovery may have acted on it. The second newest was durable before the newest
 * was begun, so nothing older counts.
 */
export function* placeCopy(store: FileStore, found: readonly FoundCheckpoint[]): Task<PlacedCheckpoint | undefined> {
  const [newest] = found
  if (newest === undefined) return undefined
  const elder = found.find(({ record }) => record.sequence < newest.record.sequence) ?? newest
  const kept = new Set(found.filter(({ record }) => record.sequence >= elder.record.sequence).map((each) => each.place))
  let place = 0
  while (kept.has(place)) place++
  const bytes = newest.bytes.slice()
  new DataView(bytes.buffer).setUint32(0, COPY_MAGIC)
  return { place, file: yield* placeCheckpointFile(store, place, bytes) }
}

/**
 * Removes the other copies once the newest copy is durable, which may stand in the place of one of them: else each of
 * any number of recoveries would leave one.
 */
export function* removeElderCopies(
  store: FileStore,
  found: readonly FoundCheckpoint[],
  newest: PlacedCheckpoint,
): Task<void> {
  for (const { place, isCopy } of found) if (isCopy && place !== newest.place) yield* removePlace(store, place)
}

/**
 * Removes the places that no running log writes to, once a checkpoint stands in one of the others. What there is no
 * room to remove is left to the next recovery.
 */
export function* removeFurtherPlaces(store: FileStore): Task<void> {
  const places = yield* checkpointPlaces(store)
  for (const place of places) if (place >= CHECKPOINT_PLACES) yield* unlessFull(removePlace(store, place))
}

function removePlace(store: FileStore, place: number): Task<void> {
  return perform('remove', checkpointFile(place), () => store.remove(checkpointFile(place)))
}

/** Writes to a place and makes it and its directory entry durable. */
export function* writeCheckpointFile(store: FileStore, place: number, bytes: Uint8Array): Task<void> {
  const file = yield* placeCheckpointFile(store, place, bytes)
  try {
    yield* performAll([flushOf(file), directorySync(store, CHECKPOINT_DIRECTORY)])
  } finally {
    file.close()
  }
}

/** Writes to a place; not durable yet. */
export function* placeCheckpointFile(store: FileStore, place: number, bytes: Uint8Array): Task<StoreFile> {
  const path = checkpointFile(place)
  const file = yield* createPlace(store, path)
  try {
    for (let at = 0; at < bytes.length; at += WRITTEN_AT_ONCE_BYTES) {
      if (at > 0) yield* letOthersRun()
      writeFully(file, bytes.subarray(at, at + WRITTEN_AT_ONCE_BYTES), at)
    }
    if (file.size() > bytes.length) file.truncate(bytes.length)
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

/**
 * Somebody may have removed the directory under the log. No record in it is missed once the next one is durable, so it
 * is made again.
 */
function* createPlace(store: FileStore, path: string): Task<StoreFile> {
  try {
    return yield* createFile(store, path)
  } catch (error) {
    if (!LogError.is(error, 'KAFKA_STORAGE_ERROR') || error.details['errno'] !== 'ENOENT') throw error
    yield* perform('remove', CHECKPOINT_DIRECTORY, () => store.remove(CHECKPOINT_DIRECTORY))
    const file = yield* createFile(store, path)
    try {
      yield* perform('syncDirectory', '', () => store.syncDirectory(''))
      return file
    } catch (failure) {
      file.close()
      throw failure
    }
  }
}
