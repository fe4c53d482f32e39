import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import { perform } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { openFile } from '../journal/ring.ts'
import { type CheckpointRecord, decodeCheckpoint } from './checkpoint-record.ts'

/** Two places, written in turn: the newest whole one counts (rule 4c). */
export const CHECKPOINT_DIRECTORY = 'checkpoint'

const MAGIC = 0x4f4c4350 // 'OLCP'
const VERSION = 1
/** Magic, version, payload length, checksum. */
const HEAD_BYTES = 16

export function checkpointFile(sequence: number): string {
  return `${CHECKPOINT_DIRECTORY}/${sequence % 2}`
}

export function encodeCheckpointFile(payload: Uint8Array, kernel: Kernel): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES + payload.length)
  writer.uint32(MAGIC)
  writer.uint32(VERSION)
  writer.uint32(payload.length)
  writer.uint32(kernel.crc32cOf(payload))
  writer.raw(payload)
  return writer.bytes
}

/** The record in a checkpoint file, or `undefined` for one that is torn or was never written. */
export function decodeCheckpointFile(bytes: Uint8Array, kernel: Kernel, file: string): CheckpointRecord | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const reader = new ByteReader(bytes, file)
  if (reader.uint32() !== MAGIC) return undefined
  const version = reader.uint32()
  const lengthBytes = reader.uint32()
  const crc = reader.uint32()
  if (lengthBytes > reader.remaining) return undefined
  const payload = reader.raw(lengthBytes)
  if (kernel.crc32cOf(payload) !== crc) return undefined
  if (version > VERSION) {
    throw new LogError('UNSUPPORTED_VERSION', `${file} has version ${version}; this oncelog knows ${VERSION}`, {
      file,
      version,
      known: VERSION,
    })
  }
  return decodeCheckpoint(payload, file, HEAD_BYTES)
}

/** Both places that hold a whole record, newest first, and whether anything was ever written to either. */
export function* readCheckpoints(
  store: FileStore,
  kernel: Kernel,
): Task<{ records: readonly CheckpointRecord[]; written: boolean }> {
  const records: CheckpointRecord[] = []
  let written = false
  for (const place of [0, 1]) {
    const file = yield* openFile(store, checkpointFile(place), false)
    if (file === undefined) continue
    const bytes = readWhole(file)
    file.close()
    if (bytes.length > 0) written = true
    const record = decodeCheckpointFile(bytes, kernel, checkpointFile(place))
    if (record !== undefined) records.push(record)
  }
  records.sort((a, b) => b.sequence - a.sequence)
  return { records, written }
}

export function readWhole(file: StoreFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.size())
  return bytes.subarray(0, file.read(bytes, 0))
}

/** Writes to the older place and makes it and its directory entry durable. */
export function* writeCheckpointFile(store: FileStore, sequence: number, bytes: Uint8Array): Task<void> {
  const path = checkpointFile(sequence)
  const file = yield* openFile(store, path, true)
  if (file === undefined) throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${path}`, { file: path })
  writeFully(file, bytes, 0)
  if (file.size() > bytes.length) file.truncate(bytes.length)
  yield* perform('flush', path, () => file.flush())
  file.close()
  yield* perform('syncDirectory', CHECKPOINT_DIRECTORY, () => store.syncDirectory(CHECKPOINT_DIRECTORY))
}
