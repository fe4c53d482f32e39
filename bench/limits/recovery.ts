// What recovery writes and syncs, in bytes a second, over a program that writes the same bytes to one file and syncs it: a ring of
// frames that no checkpoint covers, and segments that lost all of it, as after a power cut. 0.5 or better; both in turn.
//   node --import tsx bench/limits/recovery.ts [MiB] [rounds] [partitions]
import {
  closeSync,
  cpSync,
  fdatasyncSync,
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
import { median } from '../harness/statistics.ts'
import { openComposed } from './composed-log.ts'

const MIB = 1024 * 1024
const totalBytes = Number(process.argv[2] ?? 40) * MIB
const rounds = Number(process.argv[3] ?? 5)
const partitions = Number(process.argv[4] ?? 4)
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

async function fill(directory: string): Promise<number> {
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
  for (let turn = 0; written < totalBytes; turn++) {
    const baseSequence = Math.floor(turn / partitions) * RECORDS
    const request = { topic: TOPIC, partition: turn % partitions, acks: 'all' as const, producerEpoch: 0, baseSequence }
    await producer.append({ ...request, records })
    written += RECORDS * VALUE.length
  }
  cpSync(directory, `${directory}-crashed`, { recursive: true })
  await log.broker.close()
  return written
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

async function openMs(directory: string): Promise<number> {
  const begun = performance.now()
  const log = await openComposed(directory)
  const tookMs = performance.now() - begun
  if (log.engine.report?.clean !== false) throw new Error('it opened clean')
  const offsets = await log.broker.admin.offsets(
    Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition })),
  )
  const records = offsets.reduce((sum, { highWatermark }) => sum + highWatermark, 0)
  if (records * VALUE.length < totalBytes) throw new Error(`${records} records are there`)
  await log.broker.close()
  return tookMs
}

const home = mkdtempSync(join(tmpdir(), 'oncelog-recovery-'))
try {
  await fill(join(home, 'log'))
  const replayed = loseSegments(join(home, 'log-crashed'))
  const times = { raw: [] as number[], open: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const copy = join(home, `copy-${round}`)
    cpSync(join(home, 'log-crashed'), copy, { recursive: true })
    rawMs(home, MIB)
    const inTurn = [() => times.raw.push(rawMs(home, replayed)), async () => times.open.push(await openMs(copy))]
    for (const measure of round % 2 === 0 ? inTurn : inTurn.reverse()) await measure()
    rmSync(copy, { recursive: true })
  }
  const rate = (ms: number) => Math.round(replayed / MIB / (ms / 1000))
  const ratio = median(times.raw.map((ms, index) => ms / (times.open[index] ?? Number.NaN)))
  const row = {
    'MiB replayed': Math.round(replayed / MIB),
    'MiB/s': rate(median(times.open)),
    'raw MiB/s': rate(median(times.raw)),
  }
  const isWithin = ratio >= RATIO_MIN
  const rounded = {
    ratio: Math.round(ratio * 100) / 100,
    'fdatasync p50 ms': Math.round(probeFdatasync(home) * 1000) / 1000,
  }
  console.log(JSON.stringify({ ...row, ...rounded, limit: RATIO_MIN, within: isWithin }))
  if (!isWithin) process.exitCode = 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
