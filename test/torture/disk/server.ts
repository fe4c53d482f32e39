// A disk in memory, as one file of a FUSE file system, for a loop device: it knows what is flushed, loses the rest when
// its power is cut, and fails when it is told to. Takes the image it begins with and the place to mount at; orders come
// by IPC.
import { spawn } from 'node:child_process'
import { closeSync, openSync, read, readFileSync, writeSync } from 'node:fs'
import type { DiskOrder } from './fault-disk.ts'
import {
  attrReply,
  entryReply,
  FILE_NAME,
  FILE_NODE,
  type FuseRequest,
  IO_HEAD_BYTES,
  initReply,
  MAX_WRITE_BYTES,
  OPCODES,
  openReply,
  readRequest,
  reply,
  statfsReply,
} from './fuse-protocol.ts'
import { TornImage } from './torn-image.ts'

const ENOENT = 2
const EIO = 5
const ENOSYS = 38
const MOUNT_LOOK_MS = 2
/** Nobody writes any more. */
const CUT_LIMIT_MS = 60

const [imagePath = '', place = ''] = process.argv.slice(2)
const image = new TornImage(readFileSync(imagePath))
const device = openSync('/dev/fuse', 'r+')
const request = Buffer.alloc(MAX_WRITE_BYTES + 64 * 1024)
/** Nothing works without power. */
let hasPower = true
let fault: { readonly kind: 'write' | 'flush'; readonly errno: number; left: number } | undefined
let struck = 0
/** The order to cut, and the writes that come before. */
let cutting: { readonly order: DiskOrder & { kind: 'cut' }; left: number } | undefined

function cut(): void {
  if (cutting === undefined) return
  const { leaving, seed } = cutting.order
  cutting = undefined
  hasPower = false
  process.send?.(image.cut(leaving, seed))
}

function fails(kind: 'write' | 'flush'): number {
  if (!hasPower) return EIO
  if (fault?.kind !== kind || fault.left === 0) return 0
  fault.left--
  struck++
  return fault.errno
}

function answer({ opcode, unique, node, body }: FuseRequest): Buffer | undefined {
  switch (opcode) {
    case OPCODES.init:
      return reply(unique, 0, initReply())
    case OPCODES.lookup:
      if (body.toString('latin1', 0, body.indexOf(0)) !== FILE_NAME) return reply(unique, ENOENT)
      return reply(unique, 0, entryReply(image.bytes.length))
    case OPCODES.getattr:
    case OPCODES.setattr:
      return reply(unique, 0, attrReply(node, image.bytes.length))
    case OPCODES.open:
      return reply(unique, 0, openReply())
    case OPCODES.read:
      return readReply(unique, body)
    case OPCODES.write:
      return writeReply(unique, body)
    case OPCODES.fsync:
      return fsyncReply(unique)
    case OPCODES.statfs:
      return reply(unique, 0, statfsReply())
    case OPCODES.release:
    case OPCODES.flush:
    case OPCODES.access:
      return reply(unique, 0)
    case OPCODES.forget:
    case OPCODES.batchForget:
    case OPCODES.interrupt:
      return undefined
    default:
      return reply(unique, ENOSYS)
  }
}

function readReply(unique: bigint, body: Buffer): Buffer {
  if (!hasPower) return reply(unique, EIO)
  const position = Number(body.readBigUInt64LE(8))
  return reply(unique, 0, image.bytes.subarray(position, position + body.readUInt32LE(16)))
}

function writeReply(unique: bigint, body: Buffer): Buffer {
  const error = fails('write')
  if (error !== 0) return reply(unique, error)
  const sizeBytes = body.readUInt32LE(16)
  image.write(body.subarray(IO_HEAD_BYTES, IO_HEAD_BYTES + sizeBytes), Number(body.readBigUInt64LE(8)))
  if (cutting !== undefined && --cutting.left <= 0) {
    cut()
    return reply(unique, EIO)
  }
  const written = Buffer.alloc(8)
  written.writeUInt32LE(sizeBytes, 0)
  return reply(unique, 0, written)
}

function fsyncReply(unique: bigint): Buffer {
  const error = fails('flush')
  if (error === 0) image.flush()
  return reply(unique, error)
}

/** One request at a time, so that what comes after a flush isn't in it. */
function serve(): void {
  read(device, request, 0, request.length, null, (error, count) => {
    const code = (error as NodeJS.ErrnoException | null)?.code
    // The file system was unmounted.
    if (code === 'ENODEV') process.exit(0)
    if (code === 'EPERM') {
      // The file system isn't mounted yet.
      setTimeout(serve, MOUNT_LOOK_MS)
      return
    }
    if (error === null) {
      const answered = answer(readRequest(request.subarray(0, count)))
      if (answered !== undefined) tell(answered)
    } else if (code !== 'EINTR' && code !== 'EAGAIN' && code !== 'ENOENT') throw error
    serve()
  })
}

/** Who asked may have gone away since. */
function tell(answered: Buffer): void {
  try {
    writeSync(device, answered)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

process.on('message', (order: DiskOrder) => {
  if (order.kind === 'cut') {
    cutting = { order, left: order.afterWrites }
    setTimeout(cut, CUT_LIMIT_MS)
  } else if (order.kind === 'fail') {
    fault = order.fault
    process.send?.({})
  } else {
    hasPower = true
    fault = undefined
    process.send?.({ struck })
    struck = 0
  }
})
process.on('disconnect', () => process.exit(0))

const options = `fd=3,rootmode=40000,user_id=0,group_id=0`
const mounting = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'oncelog-disk', place], {
  stdio: ['ignore', 'ignore', 'inherit', device],
})
mounting.once('exit', (code) => {
  if (code !== 0) {
    closeSync(device)
    process.exit(1)
  }
  process.send?.({ mounted: true, node: Number(FILE_NODE) })
})
serve()
