/**
 * Kafka's own tools over a directory that oncelog wrote: each segment, index and snapshot says to them what `oncelog
 * inspect` says.
 *   npm run check:kafka      exits with 1 where they differ; says NOT RUN, and exits with 0, without java, mvn or Kafka's jars
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  batchRows,
  indexRows,
  recordRows,
  snapshotRows,
  timeIndexRows,
  transactionIndexRows,
} from '../../bindings/entry/cli/inspect/segment-rows.ts'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { loadCodecs, nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { open } from '../../bindings/entry/node.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import {
  abortedOf,
  batchOf,
  type Fields,
  indexEntryOf,
  recordOf,
  snapshotEntryOf,
  timeIndexEntryOf,
} from './dump-lines.ts'
import { dumped, kafkaTools } from './kafka-tools.ts'
import { writeDirectory } from './write-directory.ts'

const CONTROL = 0x20
const OFFSETS = '__consumer_offsets'
const TRANSACTIONS = '__transaction_state'

const kernel = createKernel(loadKernelModule(), { capBytes: 64 << 20, codecs: nodeCodecs })
const counts = { files: 0, batches: 0, records: 0, markers: 0, entries: 0 }

function same(file: string, kafka: readonly Fields[], inspected: readonly object[]): void {
  assert.deepEqual(kafka, inspected, `${file}: Kafka's tool (+) and oncelog inspect (-) differ`)
}

/** Entries of indexes have their place in the file besides, which Kafka doesn't say. */
function withoutPlace(rows: Iterable<object>): object[] {
  return [...rows].map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'at')))
}

function compareSegment(path: string, lines: readonly string[], file: StoreFile): void {
  const batches = [...batchRows(file, kernel)]
  same(
    path,
    lines.filter((line) => !line.startsWith('|')).map((line) => batchOf(line, path)),
    batches,
  )
  const control = batches.filter(({ attributes }) => (Number(attributes) & CONTROL) !== 0)
  const markers = new Set(control.map(({ baseOffset }) => baseOffset))
  const inspected = [...recordRows(file, kernel)].map((row) => {
    if (!markers.has(row['offset'] as number)) return row
    const isCommit = row['key'] === '\0\0\0\u0001'
    return { offset: row['offset'], timestamp: row['timestamp'], marker: isCommit ? 'COMMIT' : 'ABORT' }
  })
  same(
    path,
    lines.filter((line) => line.startsWith('|')).map((line) => recordOf(line, path)),
    inspected,
  )
  counts.batches += batches.length
  counts.records += inspected.length - markers.size
  counts.markers += markers.size
}

function compareFile(path: string, lines: readonly string[], file: StoreFile): void {
  counts.files++
  if (path.endsWith('.log')) return compareSegment(path, lines, file)
  counts.entries += lines.length
  const entries = (of: (line: string, path: string) => Fields) => lines.map((line) => of(line, path))
  if (path.endsWith('.timeindex')) same(path, entries(timeIndexEntryOf), withoutPlace(timeIndexRows(file)))
  else if (path.endsWith('.index')) same(path, entries(indexEntryOf), withoutPlace(indexRows(file)))
  else if (path.endsWith('.txnindex')) same(path, entries(abortedOf), withoutPlace(transactionIndexRows(file)))
  else same(path, entries(snapshotEntryOf), snapshotRows(file, kernel))
}

function filesOf(directory: string, isWanted: (partition: string) => boolean): string[] {
  const all = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => /\/\d{20}\.\w+$/.test(path) && isWanted(dirname(path))).sort()
}

function compareAll(classpath: string, directory: string): void {
  // Records of the log's own topics are bytes: their decoders look at them.
  const paths = filesOf(directory, (partition) => !partition.startsWith('__'))
  const sections = dumped(
    classpath,
    paths.map((path) => join(directory, path)),
    ['--deep-iteration', '--print-data-log'],
  )
  const store = new DirectoryImage(directory)
  for (const path of paths) {
    const file = store.open(path, { create: false })
    if (file === undefined) throw new Error(`${path} is gone`)
    compareFile(path, sections.get(join(directory, path)) ?? [], file)
  }
  store.close()
}

/** What the decoder says last of each key. */
function lastOf(
  classpath: string,
  directory: string,
  topic: string,
  decoder: string,
  line: RegExp,
): Map<string, string[]> {
  const paths = filesOf(directory, (partition) => partition === `${topic}-0`).filter((path) => path.endsWith('.log'))
  const last = new Map<string, string[]>()
  for (const lines of dumped(
    classpath,
    paths.map((path) => join(directory, path)),
    [decoder],
  ).values()) {
    for (const each of lines.filter((text) => text.startsWith('|'))) {
      const [, key = '', ...fields] = line.exec(each) ?? []
      if (key !== '') last.set(key, fields)
    }
  }
  return last
}

async function compareTables(classpath: string, directory: string): Promise<void> {
  const committed = lastOf(
    classpath,
    directory,
    OFFSETS,
    '--offsets-decoder',
    /key: \{"type":"1","data":(\{.*?\})\} payload: .*?"offset":(\d+),/,
  )
  const ended = lastOf(
    classpath,
    directory,
    TRANSACTIONS,
    '--transaction-log-decoder',
    /transactionalId=(\S+) payload: producerId:(\d+),producerEpoch:(\d+),state=(\w+),/,
  )
  const log = await open(directory)
  const groups = await log.admin.listGroups()
  const transactions = await log.admin.listTransactions()
  await log.close()
  const offsets = groups.flatMap(({ groupId: group, offsets: list }) =>
    list.map(({ topic, partition, nextOffset }): [string, string[]] => {
      return [JSON.stringify({ group, topic, partition }), [String(nextOffset)]]
    }),
  )
  assert.deepEqual(committed, new Map(offsets), `${OFFSETS}: Kafka's decoder (+) and listGroups (-) differ`)
  assert.ok(committed.size > 1)
  const states = transactions.map(({ transactionalId, producerId, producerEpoch, state }): [string, string[]] => {
    return [transactionalId, [String(producerId), String(producerEpoch), state]]
  })
  assert.deepEqual(ended, new Map(states), `${TRANSACTIONS}: Kafka's decoder (+) and listTransactions (-) differ`)
  assert.ok(ended.size > 1)
}

const tools = kafkaTools()
if ('missing' in tools) {
  console.log(`check:kafka NOT RUN: ${tools.missing}`)
} else {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-kafka-'))
  try {
    await loadCodecs()
    await writeDirectory(directory)
    compareAll(tools.classpath, directory)
    await compareTables(tools.classpath, directory)
    assert.ok(
      Object.values(counts).every((count) => count > 30),
      JSON.stringify(counts),
    )
    const { files, batches, records, markers, entries } = counts
    console.log(
      `Kafka 4.0.0 reads as oncelog does: ${files} files with ${batches} batches, ${records} records, ${markers} markers, ${entries} entries`,
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
