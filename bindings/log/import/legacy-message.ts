import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { viewOf } from '../segment/batch-head.ts'

/**
 * Sizes of the fields: offset 8, size 4, CRC-32 4, magic 1, attributes 1, with magic 1 a timestamp of 8, two lengths of
 * 4.
 */
const OVERHEAD_BYTES = 12
const CRC_AT = 12
const CRC_FROM = 16
const MAGIC_AT = 16
const LEGACY_BYTES_MIN = 26
const CRC_SEED = 0xffff_ffff
/** What one turn of the event loop takes: its checksum needs some milliseconds. */
const CHUNK_BYTES = 256 * 1024
/** Up to the magic. */
const HEAD_BYTES = 17

/**
 * Whether a whole message in a format before Kafka 0.11 (magic 0 and 1) begins there. If its checksum holds, it isn't a
 * torn batch whose magic was never written. Source: Kafka's LegacyRecord.
 */
export function* holdsLegacyMessage(file: StoreFile, position: number): Task<boolean> {
  const head = new Uint8Array(HEAD_BYTES)
  if (file.read(head, position) < head.length) return false
  const sizeBytes = sizeOf(head)
  if (sizeBytes === 0 || sizeBytes > Math.min(BATCH_BYTES_MAX, file.size() - position)) return false
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes))
  let crc = CRC_SEED
  for (let at = CRC_FROM; at < sizeBytes; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, sizeBytes - at))
    if (file.read(part, position + at) < part.length) return false
    crc = crc32Step(crc, part)
    yield* letOthersRun()
  }
  return (crc ^ CRC_SEED) >>> 0 === viewOf(head).getUint32(CRC_AT)
}

/** Size of the message that may begin with these bytes; 0 if none can. */
function sizeOf(head: Uint8Array): number {
  const view = viewOf(head)
  const sizeBytes = OVERHEAD_BYTES + view.getInt32(8)
  return view.getUint8(MAGIC_AT) > 1 || sizeBytes < LEGACY_BYTES_MIN ? 0 : sizeBytes
}

/** zlib's CRC-32 so far, bit by bit: it is computed for few messages. */
function crc32Step(before: number, bytes: Uint8Array): number {
  let crc = before
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb8_8320)
  }
  return crc
}
