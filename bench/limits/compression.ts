// Each codec over real rows: how much smaller they get, how fast in and out by itself (by processor time), and what a
// send of them takes (by the clock).
//   node --import tsx bench/limits/compression.ts [file, gzip or not ...]
// Without files: the flights of data/, and what there is beside the repository in shared/data.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { loadCodecs, nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { type Compression, open } from '../../bindings/entry/node.ts'
import { COMPRESSION_TYPES, codecOf } from '../../bindings/model/compression.ts'

const MOST_BYTES = 4 * 1024 * 1024
const BATCHES_BYTES = [16 * 1024, 1024 * 1024]
const SHARED = '../shared/data'
const ROUNDS = 3
const ROWS_A_SEND = 1000

function files(): string[] {
  if (process.argv.length > 2) return process.argv.slice(2)
  const shared = existsSync(SHARED) ? readdirSync(SHARED).filter((name) => name.endsWith('.gz')) : []
  return ['data/flights-20k.json', ...shared.map((name) => join(SHARED, name))]
}

function rowsOf(path: string): string[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8', 0, 3 * MOST_BYTES)
  const rows = text.startsWith('[')
    ? (JSON.parse(text) as unknown[]).map((row) => JSON.stringify(row))
    : text.split('\n')
  let sizeBytes = 0
  return rows.filter((row) => {
    sizeBytes += row.length
    return sizeBytes <= MOST_BYTES
  })
}

/** Of processor time, the best of the rounds: others on the machine only ever make it slower. */
function mbPerSecond(sizeBytes: number, work: () => void): number {
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const begun = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(begun)
    best = Math.max(best, sizeBytes / (user + system))
  }
  return Math.round(best)
}

function codecRow(
  compression: (typeof COMPRESSION_TYPES)[number],
  rows: readonly string[],
  batchBytes: number,
): object {
  const codec = codecOf(nodeCodecs, compression)
  const plain = Buffer.from(rows.join('\n'))
  const parts: Uint8Array[] = []
  for (let from = 0; from < plain.length; from += batchBytes) parts.push(plain.subarray(from, from + batchBytes))
  const squeezed = parts.map((part) => codec.compress(part))
  const squeezedBytes = squeezed.reduce((sum, { length }) => sum + length, 0)
  return {
    codec: compression,
    batchBytes,
    ratio: Number((plain.length / squeezedBytes).toFixed(2)),
    compressMBs: mbPerSecond(plain.length, () => parts.map((part) => codec.compress(part))),
    decompressMBs: mbPerSecond(plain.length, () => squeezed.map((part) => codec.decompress(part, batchBytes))),
  }
}

async function sendRow(compression: Compression, rows: readonly string[]): Promise<object> {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-compression-'))
  const log = await open(directory)
  try {
    await log.admin.createTopic('t')
    const producer = log.producer({ compression })
    const records = rows.map((value) => ({ topic: 't', value }))
    const sizeBytes = rows.reduce((sum, { length }) => sum + length, 0)
    const begun = performance.now()
    const sends: Promise<unknown>[] = []
    for (let from = 0; from < records.length; from += ROWS_A_SEND) {
      sends.push(producer.send(records.slice(from, from + ROWS_A_SEND)))
    }
    await Promise.all(sends)
    const sent = performance.now()
    let count = 0
    for await (const batch of log.read('t', { until: 'end' }).batches({ borrowed: true })) count += batch.size
    const read = performance.now()
    if (count !== rows.length) throw new Error(`${count} records read of ${rows.length}`)
    const segments = readdirSync(join(directory, 't-0')).filter((name) => name.endsWith('.log'))
    const onDisk = segments.reduce((sum, name) => sum + statSync(join(directory, 't-0', name)).size, 0)
    return {
      send: compression,
      ratio: Number((sizeBytes / onDisk).toFixed(2)),
      sendMBs: Math.round(sizeBytes / 1000 / (sent - begun)),
      readMBs: Math.round(sizeBytes / 1000 / (read - sent)),
    }
  } finally {
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

await loadCodecs()
for (const path of files()) {
  const rows = rowsOf(path)
  console.log(`\n${basename(path)}: ${rows.length} rows`)
  console.table(
    BATCHES_BYTES.flatMap((size) => COMPRESSION_TYPES.map((compression) => codecRow(compression, rows, size))),
  )
  const sends: object[] = []
  for (const compression of ['none', ...COMPRESSION_TYPES] as const) sends.push(await sendRow(compression, rows))
  console.table(sends)
}
