// What recovery writes and syncs, in bytes a second, over a program that writes the same bytes to one file and syncs
// it: rings of frames that no checkpoint covers, and segments that lost all of them, as after a power cut. A ring with
// a tenth of it says what an opening takes besides: the difference counts. 0.5 or better; all in turn.
//   node --import tsx bench/limits/recovery.ts [MiB] [rounds] [partitions]
import {
  closeSync,
  cpSync,
  fdatasyncSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { probeFdatasync } from '../harness/machine.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { median } from '../harness/statistics.ts'
import { openComposed } from './composed-log.ts'

const MIB = 1024 * 1024
const totalBytes = numberArgument(1, 40) * MIB
const rounds = numberArgument(2, 5)
const partitions = numberArgument(3, 4)
const RATIO_MIN = 0.5
const TOPIC = 'replayed'
const RECORDS = 50
const VALUE = 'v'.repeat(1000)
const CHUNK_BYTES = 1024 * 1024

/** Only frames make it durable: no checkpoint ever begins. */
class FramesOnly extends FilePartitionStore {
  override maintenanceIsDue(): boolean {
    return false
  }
}

async function fill(directory: string, fillBytes: number): Promise<void> {
  const log = await openComposed(directory, { ringFiles: 128, storeType: FramesOnly })
  await log.broker.admin.createTopic(TOPIC, { partitions, config: {} })
  const producer = await log.broker.openProducer()
  const records = Array.from({ length: RECORDS }, () => ({
    key: null,
    value: VALUE,
    timestamp: undefined,
    headers: undefined,
  }))
  let written = 0
  for (let turn = 0; written < fillBytes; turn++) {
    const baseSequence = Math.floor(turn / partitions) * RECORDS
    const request = { topic: TOPIC, partition: turn % partitions, acks: 'all' as const, producerEpoch: 0, baseSequence }
    await producer.append({ ...request, records })
    written += RECORDS * VALUE.length
  }
  cpSync(directory, `${directory}-crashed`, { recursive: true })
  await log.broker.close()
}

/** Segments are as long as the last checkpoint had them, which knew of none. */
function loseSegments(directory: string): number {
  let lost = 0
  for (const name of readdirSync(directory).filter((each) => each.startsWith(`${TOPIC}-`))) {
    for (const file of readdirSync(join(directory, name)).filter((each) => each.endsWith('.log'))) {
      const path = join(directory, name, file)
      lost += statSync(path).size
      truncateSync(path, 0)
    }
  }
  return lost
}

function rawMs(directory: string, sizeBytes: number): number {
  const path = join(directory, 'raw')
  const chunk = new Uint8Array(CHUNK_BYTES).fill(1)
  const file = openSync(path, 'w')
  const begun = performance.now()
  for (let at = 0; at < sizeBytes; at += chunk.length)
    writeSync(file, chunk, 0, Math.min(chunk.length, sizeBytes - at), at)
  fdatasyncSync(file)
  const tookMs = performance.now() - begun
  closeSync(file)
  rmSync(path)
  return tookMs
}

async function openMs(directory: string, fillBytes: number): Promise<number> {
  const begun = performance.now()
  const log = await openComposed(directory)
  const tookMs = performance.now() - begun
  if (log.engine.report?.clean !== false) throw new Error('it opened clean')
  const offsets = await log.broker.admin.offsets(
    Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition })),
  )
  const records = offsets.reduce((sum, { highWatermark }) => sum + highWatermark, 0)
  if (records * VALUE.length < fillBytes) throw new Error(`${records} records are there`)
  await log.broker.close()
  return tookMs
}

const home = mkdtempSync(join(tmpdir(), 'oncelog-recovery-'))

/** A log that was filled, as a power cut leaves it. */
async function crashed(
  name: string,
  fillBytes: number,
): Promise<{ readonly path: string; readonly lostBytes: number }> {
  const path = join(home, name)
  await fill(path, fillBytes)
  return { path: `${path}-crashed`, lostBytes: loseSegments(`${path}-crashed`) }
}

/** A power cut leaves nothing for the system to write, which it would do beside what is measured. */
function flushAll(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = openSync(join(entry.parentPath, entry.name), 'r')
    fsyncSync(file)
    closeSync(file)
  }
}

async function timed(path: string, fillBytes: number): Promise<number> {
  const copy = join(home, 'copy')
  cpSync(path, copy, { recursive: true })
  flushAll(copy)
  try {
    return await openMs(copy, fillBytes)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

try {
  const few = await crashed('few', totalBytes / 10)
  const many = await crashed('many', totalBytes)
  const replayed = many.lostBytes - few.lostBytes
  const times = { raw: [] as number[], few: [] as number[], many: [] as number[] }
  // Cold code is nobody's rate.
  await timed(few.path, totalBytes / 10)
  for (let round = 0; round < rounds; round++) {
    times.few.push(await timed(few.path, totalBytes / 10))
    times.many.push(await timed(many.path, totalBytes))
    times.raw.push(rawMs(home, replayed))
  }
  const replayMs = median(times.many) - median(times.few)
  const rate = (ms: number) => Math.round(replayed / MIB / (ms / 1000))
  const ratio = median(times.raw) / replayMs
  const isWithin = ratio >= RATIO_MIN
  const row = {
    'MiB more': Math.round(replayed / MIB),
    'open ms': Math.round(median(times.many)),
    'with a tenth ms': Math.round(median(times.few)),
    'MiB/s': rate(replayMs),
    'raw MiB/s': rate(median(times.raw)),
    ratio: Math.round(ratio * 100) / 100,
    'fdatasync p50 ms': Math.round(probeFdatasync(home) * 1000) / 1000,
  }
  console.log(JSON.stringify({ ...row, limit: RATIO_MIN, within: isWithin }))
  if (!isWithin) process.exitCode = 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
