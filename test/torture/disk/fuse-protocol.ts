/**
 * As much of the kernel's FUSE protocol (include/uapi/linux/fuse.h, version 7.31) as one file in one directory needs:
 * structures are little-endian here, as every machine that this runs on is.
 */
export const OPCODES = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  access: 34,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
} as const

export const IN_HEADER_BYTES = 40
const OUT_HEADER_BYTES = 16
/** Read and write requests have their file, place and size in front. */
export const IO_HEAD_BYTES = 40
export const MAX_WRITE_BYTES: number = 128 * 1024

export const FILE_NODE = 2n
export const FILE_NAME = 'disk'

const REGULAR_FILE = 0o100_600
const DIRECTORY = 0o040_700
/** Reads and writes come as they are, and nothing of the file is cached. */
const FOPEN_DIRECT_IO = 1
/** Attributes never change behind the kernel's back. */
const VALID_SECONDS = 3600n

export interface FuseRequest {
  readonly opcode: number
  readonly unique: bigint
  readonly node: bigint
  /** Behind the header. */
  readonly body: Buffer
}

export function readRequest(bytes: Buffer): FuseRequest {
  const opcode = bytes.readUInt32LE(4)
  return {
    opcode,
    unique: bytes.readBigUInt64LE(8),
    node: bytes.readBigUInt64LE(16),
    body: bytes.subarray(IN_HEADER_BYTES),
  }
}

/** `error`: an errno, or 0. */
export function reply(unique: bigint, error: number, body: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(OUT_HEADER_BYTES)
  head.writeUInt32LE(OUT_HEADER_BYTES + body.length, 0)
  head.writeInt32LE(-error, 4)
  head.writeBigUInt64LE(unique, 8)
  return Buffer.concat([head, body])
}

export function initReply(): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(7, 0)
  body.writeUInt32LE(31, 4)
  body.writeUInt32LE(MAX_WRITE_BYTES, 8)
  body.writeUInt32LE(1 << 5, 12) // FUSE_BIG_WRITES
  body.writeUInt16LE(16, 16)
  body.writeUInt16LE(12, 18)
  body.writeUInt32LE(MAX_WRITE_BYTES, 20)
  body.writeUInt32LE(1, 24)
  return body
}

function attributes(node: bigint, sizeBytes: number): Buffer {
  const isFile = node === FILE_NODE
  const body = Buffer.alloc(88)
  body.writeBigUInt64LE(node, 0)
  body.writeBigUInt64LE(BigInt(isFile ? sizeBytes : 4096), 8)
  body.writeBigUInt64LE(BigInt(isFile ? sizeBytes / 512 : 8), 16)
  body.writeUInt32LE(isFile ? REGULAR_FILE : DIRECTORY, 60)
  body.writeUInt32LE(isFile ? 1 : 2, 64)
  body.writeUInt32LE(4096, 80)
  return body
}

export function attrReply(node: bigint, sizeBytes: number): Buffer {
  const head = Buffer.alloc(16)
  head.writeBigUInt64LE(VALID_SECONDS, 0)
  return Buffer.concat([head, attributes(node, sizeBytes)])
}

export function entryReply(sizeBytes: number): Buffer {
  const head = Buffer.alloc(40)
  head.writeBigUInt64LE(FILE_NODE, 0)
  head.writeBigUInt64LE(VALID_SECONDS, 16)
  head.writeBigUInt64LE(VALID_SECONDS, 24)
  return Buffer.concat([head, attributes(FILE_NODE, sizeBytes)])
}

export function openReply(): Buffer {
  const body = Buffer.alloc(16)
  body.writeBigUInt64LE(1n, 0)
  body.writeUInt32LE(FOPEN_DIRECT_IO, 8)
  return body
}

export function statfsReply(): Buffer {
  const body = Buffer.alloc(80)
  body.writeUInt32LE(4096, 40)
  body.writeUInt32LE(255, 44)
  body.writeUInt32LE(4096, 48)
  return body
}
