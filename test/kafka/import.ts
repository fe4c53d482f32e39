/**
 * `oncelog import` of directories that a real broker wrote: stopped cleanly, and killed with what a power cut takes and
 * a cleaner leaves. Every record, by either isolation level, and every committed offset is what Kafka's own consumer
 * reads from the same directory; of the killed one after Kafka's own recovery of a copy.
 *   npm run check:kafka      says NOT RUN, and exits with 0, without java, javac, mvn or Kafka's jars
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { decodeTransactionRecord } from '../../bindings/coordinator/transaction/transaction-record.ts'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { DecodedBatch } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { BatchScanner, type ScannedBatch } from '../../bindings/log/segment/batch-scanner.ts'
import { COMPRESSION_TYPES } from '../../bindings/model/compression.ts'
import { ATTRIBUTE_CONTROL } from '../../bindings/model/records.ts'
import { compileClient, KafkaBroker, STATE_PARTITIONS } from './kafka-broker.ts'
import { dumped, kafkaTools } from './kafka-tools.ts'

type Line = Record<string, unknown>

const LEVELS = ['read_committed', 'read_uncommitted'] as const

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

/** What BrokerClient prints, read from an imported log. */
async function readAll(log: EmbeddedLog): Promise<Line[]> {
  const lines: Line[] = []
  for (const topic of await log.admin.listTopics()) {
    const { topicId, partitions } = await log.admin.describeTopic(topic)
    lines.push({ kind: 'topic', topic, topicId, partitions })
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    for (const level of LEVELS) {
      for await (const record of log.read(topic, { until: 'end', isolationLevel: level })) {
        const { partition, offset, timestamp } = record
        const headers = [...record.headers].map(([name, value]) => [name, hex(value)])
        const [key, value] = [hex(record.key), hex(record.value)]
        lines.push({ kind: 'record', level, topic, partition, offset, timestamp, key, value, headers })
      }
      for (const each of await log.admin.offsets(places)) {
        const end = level === 'read_committed' ? each.lastStableOffset : each.highWatermark
        lines.push({ kind: 'ends', level, topic, partition: each.partition, begin: each.logStartOffset, end })
      }
    }
  }
  for (const { groupId: group, offsets } of await log.admin.listGroups()) {
    for (const { topic, partition, nextOffset } of offsets)
      lines.push({ kind: 'offset', group, topic, partition, nextOffset })
  }
  return lines
}

const KEYS = ['kind', 'level', 'group', 'topic', 'partition', 'offset'] as const

function sorted(lines: readonly Line[], kinds: readonly string[]): Line[] {
  const placed = lines
    .filter(({ kind }) => kinds.includes(kind as string))
    .map((line) => ({ line, at: KEYS.map((key) => String(line[key] ?? '').padStart(20)).join(' ') }))
  return placed.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ line }) => line)
}

function importTo(source: string, target: string): Line[] {
  const words = ['--import', 'tsx', 'bindings/entry/cli/main.ts', 'import', source, target, '--json']
  const done = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 256 << 20 })
  assert.equal(done.status, 0, done.stderr)
  return done.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

async function compare(what: string, kafka: readonly Line[], target: string, kinds: readonly string[]): Promise<void> {
  const log = await open(target)
  try {
    const [own, theirs] = [sorted(await readAll(log), kinds), sorted(kafka, kinds)]
    const first = theirs.findIndex((line, index) => JSON.stringify(line) !== JSON.stringify(own[index]))
    const near = (lines: readonly Line[]) => (first < 0 ? [] : lines.slice(first, first + 3))
    assert.deepEqual(near(own), near(theirs), `${what}: oncelog (+) and Kafka (-) differ`)
    assert.equal(own.length, theirs.length)
  } finally {
    await log.close()
  }
}

function logsOf(directory: string, partition: string): string[] {
  const names = readdirSync(join(directory, partition)).filter((name) => name.endsWith('.log'))
  return names.sort().map((name) => join(directory, partition, name))
}

/** Kafka's tool says the same of each batch and record of either directory, but for where they stand. */
function compareDumps(classpath: string, source: string, target: string): number {
  const partitions = readdirSync(target).filter((name) => /-\d+$/.test(name) && !name.startsWith('__'))
  const [kafka, own] = [source, target].map((directory) => {
    const files = partitions.flatMap((partition) => logsOf(directory, partition))
    const sections = dumped(classpath, files, ['--deep-iteration', '--print-data-log'])
    return (partition: string) =>
      logsOf(directory, partition)
        .flatMap((file) => sections.get(file) ?? [])
        .map((line) => line.replace(/ position: \d+/, ''))
  })
  let count = 0
  for (const partition of partitions) {
    const lines = own?.(partition) ?? []
    const all = kafka?.(partition) ?? []
    // What lies wholly below a log start isn't brought.
    assert.deepEqual(lines, all.slice(all.length - lines.length), `${partition}: the dumps differ`)
    if (!partition.startsWith('trimmed')) assert.equal(lines.length, all.length, partition)
    count += lines.length
  }
  return count
}

function activeLog(directory: string, partition: string): string {
  return logsOf(directory, partition).at(-1) ?? ''
}

/**
 * A stop between the two renames of a compaction: its result has the name before the last, what it replaces is still
 * there.
 */
function leaveSwap(partition: string, replaced: string): void {
  const base = '0'.repeat(20)
  for (const suffix of ['log', 'index', 'timeindex', 'txnindex']) {
    const path = join(partition, `${base}.${suffix}`)
    if (existsSync(path)) renameSync(path, `${path}.swap`)
  }
  cpSync(replaced, join(partition, `${base}.log`))
  // One that had just begun, and one that was on its way out.
  cpSync(replaced, join(partition, `${'9'.padStart(20, '0')}.log.cleaned`))
  cpSync(replaced, join(partition, `${base}.log.deleted`))
}

interface LastBatch {
  readonly header: ScannedBatch['header']
  readonly records: DecodedBatch
}

/** Takes the last batch of a segment away, which must be the one that is meant. */
function cutLastBatch(path: string, isMeant: (batch: LastBatch) => boolean): void {
  const kernel = createKernel(loadKernelModule(), { capBytes: 16 << 20, codecs: nodeCodecs })
  const image = new DirectoryImage(dirname(path))
  const file = image.open(basename(path), { create: false })
  assert.ok(file !== undefined)
  const scanner = new BatchScanner(kernel)
  let [start, position, isFound] = [0, 0, false]
  for (;;) {
    const batch = scanner.inFile(file, position, file.size())
    if (typeof batch === 'string') break
    const buffer = kernel.allocate(batch.header.sizeBytes)
    buffer?.bytes(0, batch.bytes.length).set(batch.bytes)
    const records = buffer && kernel.batchReader.decodeIntact(buffer, 0, batch.header.sizeBytes)
    buffer?.free()
    assert.ok(typeof records === 'object')
    isFound = isMeant({ header: batch.header, records })
    start = position
    position += batch.header.sizeBytes
  }
  image.close()
  assert.ok(isFound, `${path} doesn't end with the batch that is meant`)
  truncateSync(path, start)
}

/** Of the transactional id whose record it is. */
function stateOf({ header, records }: LastBatch): string {
  const place = { topic: '__transaction_state', partition: 0, offset: header.baseOffset }
  const record = { key: records.keyOf(0), value: records.valueOf(0), headers: [], timestamp: undefined }
  const entry = decodeTransactionRecord(record, place)
  return entry?.kind === 'transaction-stored' ? `${entry.transactionalId} ${entry.state}` : ''
}

/** Kafka's: the absolute of Java's hash of the text. */
function partitionOf(text: string, partitions: number): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (31 * hash + text.charCodeAt(at)) | 0
  return Math.abs(hash) % partitions
}

async function run(classpath: string, home: string): Promise<void> {
  const directory = join(home, 'broker')
  const target = join(home, 'clean')
  let broker = await KafkaBroker.start(classpath, home, directory)
  try {
    broker.run('write')
    const before = broker.run('read')
    await broker.end('SIGTERM')
    assert.ok(existsSync(join(directory, '.kafka_cleanshutdown')), 'the broker stopped cleanly')
    const report = importTo(directory, target)
    await compare('stopped cleanly', before, target, ['topic', 'record', 'ends', 'offset'])
    const lines = compareDumps(classpath, directory, target)
    assertMeans(before, report, directory)
    console.log(
      `oncelog import of a Kafka 4.0.0 broker, stopped cleanly: ${before.length} records, ends and offsets as its consumer read them, ${lines} lines of kafka-dump-log`,
    )
    broker = await KafkaBroker.start(classpath, home, directory)
    broker.run('more')
    await broker.end('SIGKILL')
    await killed(classpath, home, directory, (next) => {
      broker = next
    })
  } finally {
    await broker.end('SIGKILL')
  }
}

/** The scenario has what it is meant to have. */
function assertMeans(before: readonly Line[], report: readonly Line[], directory: string): void {
  const count = (level: string, topic: string) =>
    before.filter((line) => line['kind'] === 'record' && line['level'] === level && line['topic'] === topic).length
  assert.ok(count('read_committed', 'decided') < count('read_uncommitted', 'decided'))
  const compacted = before.find(({ kind, topic }) => kind === 'ends' && topic === 'compacted')
  assert.ok(count('read_uncommitted', 'compacted') < Number(compacted?.['end']) / 2)
  for (const codec of COMPRESSION_TYPES) assert.ok(count('read_committed', `codec-${codec}`) === 200)
  assert.ok(readdirSync(directory).some((name) => name.endsWith('-delete')))
  const leftOut = report.flatMap((line) => (line['leftOut'] === undefined ? [] : [line['leftOut'] as Line]))
  assert.ok(leftOut.some(({ file }) => String(file).endsWith('-delete')))
  const topics = report.flatMap((line) => (line['topic'] === undefined ? [] : [line['topic'] as Line]))
  const plain = topics.find(({ topic }) => topic === 'plain')
  assert.deepEqual(plain?.['config'], { 'retention.ms': '-1' })
  assert.deepEqual(plain?.['configNotTaken'], ['min.insync.replicas'])
}

async function killed(
  classpath: string,
  home: string,
  directory: string,
  started: (broker: KafkaBroker) => void,
): Promise<void> {
  // A kill leaves whole batches; this is what a power cut may leave besides.
  truncateSync(activeLog(directory, 'codec-gzip-0'), statSync(activeLog(directory, 'codec-gzip-0')).size - 9)
  appendFileSync(activeLog(directory, 'stamped-0'), Buffer.alloc(700, 0x5a))
  // The commit of "last" is decided, and neither its marker nor word of its end reached the disk.
  cutLastBatch(activeLog(directory, 'last-0'), ({ header }) => (header.attributes & ATTRIBUTE_CONTROL) !== 0)
  const states = activeLog(directory, `__transaction_state-${partitionOf('last', STATE_PARTITIONS)}`)
  cutLastBatch(states, (batch) => stateOf(batch) === 'last CompleteCommit')
  leaveSwap(join(directory, 'compacted-0'), activeLog(directory, 'quick-0'))
  const [copy, target] = [join(home, 'recovered'), join(home, 'killed')]
  cpSync(directory, copy, { recursive: true })
  const report = importTo(directory, target)
  const broker = await KafkaBroker.start(classpath, home, copy)
  started(broker)
  broker.run('settle')
  const after = broker.run('read')
  await compare('killed', after, target, ['topic', 'record', 'offset'])
  const files = report.flatMap((line) => (line['leftOut'] === undefined ? [] : [line['leftOut'] as Line]))
  for (const partition of ['codec-gzip-0', 'stamped-0', 'fresh-0'])
    assert.ok(
      files.some(({ file, position }) => String(file).startsWith(partition) && position !== undefined),
      partition,
    )
  const leftovers = files.filter(({ file }) => String(file).startsWith('compacted-0/'))
  assert.equal(leftovers.length, 3, 'what the cleaner left')
  const committed = files.filter(({ topic, why }) => topic === 'last' && /has no marker: committed/.test(String(why)))
  assert.equal(committed.length, 1, 'the transaction that was decided without its marker')
  assert.equal(
    files.filter(({ topic, why }) => topic === 'decided' && /has no marker: aborted/.test(String(why))).length,
    2,
  )
  console.log(
    `oncelog import of a killed one with torn tails, a compaction half in place, an open transaction and a commit without its marker: ${after.length} as its consumer reads them after Kafka's own recovery of a copy`,
  )
}

const tools = kafkaTools()
const missing = 'missing' in tools ? tools.missing : compileClient(tools.classpath)
if ('missing' in tools || missing !== undefined) {
  console.log(`check:kafka, import NOT RUN: ${missing}`)
} else {
  const home = mkdtempSync(join(tmpdir(), 'oncelog-import-'))
  try {
    await run(tools.classpath, home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
