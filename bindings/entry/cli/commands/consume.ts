import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { type ConsumerRecord, type EmbeddedLog, LogError, type Position, type TopicPartition } from '../../node.ts'
import { countFrom, startPoint } from '../arguments.ts'
import { Lines } from '../lines.ts'
import { withImage, withLog } from '../open.ts'
import { type Progress, printable, progressBar } from '../output.ts'
import { type CommandCall, run } from '../run.ts'

type From = ReturnType<typeof startPoint> | Position[]

const COMMIT_RECORDS = 1000
const COMMIT_MS = 1000
const FOLLOW_MS = 1000
/** The member is alive as long as the command. */
const NEVER_MS = 0x7fff_ffff

export function addConsume(program: Command): void {
  program
    .command('consume <topic>')
    .description('records on standard output')
    .option('--from <where>', 'earliest, latest, milliseconds since 1970 or a date', startPoint, 'earliest')
    .option('--partition <number>', 'only this one', countFrom(0))
    .option('--max <count>', 'stop after so many records', countFrom(1))
    .option('--follow', `look for more every ${FOLLOW_MS / 1000} s until interrupted`)
    .addOption(
      new Option('--group <id>', 'go on where this group is, and commit what was written out').conflicts([
        'follow',
        'partition',
      ]),
    )
    .addHelpText(
      'after',
      `
Without --group nothing is written, and a program that holds the log goes on beside it; shown is what a restart at this
moment would find. With --group the log is opened as by any program, and offsets are committed after the records were
written out, every ${COMMIT_RECORDS} records, every ${COMMIT_MS / 1000} s and at the end: after a crash some may come again, none is left out.

Lines are partition:offset, key, value, with tabs between; control characters are escaped. --json gives topic, partition,
offset, timestamp, key, value and headers; bytes that aren't UTF-8 come as {"base64": "…"}.

Examples:
  oncelog consume payments --max 10
  oncelog consume payments --from 2026-11-26T09:00Z --json | jq .value
  oncelog consume payments --group audit --json >> audit.ndjson`,
    )
    .action(run((call) => (call.options['group'] === undefined ? read(call) : consume(call))))
}

/** What was written out so far. */
class Shown {
  readonly lines: Lines = new Lines()
  readonly #next = new Map<number, number>()
  readonly #isJson: boolean
  readonly #max: number
  count = 0

  constructor({ isJson, options }: CommandCall) {
    this.#isJson = isJson
    this.#max = (options['max'] as number | undefined) ?? Number.POSITIVE_INFINITY
  }

  get isEnough(): boolean {
    return this.count >= this.#max || this.lines.isBroken
  }

  async show(record: ConsumerRecord): Promise<void> {
    await this.lines.write(this.#isJson ? jsonOf(record) : lineOf(record))
    this.passed(record)
    this.count++
  }

  /** The offset that readers see next may lie far above: an unclean end leaves a gap. */
  passed({ partition, offset }: ConsumerRecord): void {
    this.#next.set(partition, offset + 1)
  }

  after(start: Position): Position {
    return { ...start, nextOffset: this.#next.get(start.partition) ?? start.nextOffset }
  }
}

async function read(call: CommandCall): Promise<void> {
  const { directory, options, signal } = call
  const shown = new Shown(call)
  const isFollowing = options['follow'] === true
  let from = options['from'] as From
  for (;;) {
    from = await withImage(directory, (log) => readOnce(log, call, from, shown))
    if (!isFollowing || shown.isEnough || signal.aborted) return
    await sleep(FOLLOW_MS, undefined, { signal }).catch(() => {})
  }
}

/** Answers where to go on. */
async function readOnce(log: EmbeddedLog, call: CommandCall, from: From, shown: Shown): Promise<Position[]> {
  const { options, signal } = call
  const [topic = ''] = call.args
  const start = await startOf(log, await placesOf(log, topic), from)
  const until = await endsOf(log, await placesOf(log, topic, options['partition'] as number | undefined))
  const bar = progressOf(until, start)
  let count = 0
  try {
    for await (const record of log.read(topic, { from: start, until, signal })) {
      if (from === 'latest') shown.passed(record)
      else await shown.show(record)
      if (++count % 1000 === 0) bar.update(count)
      if (shown.isEnough) break
    }
  } finally {
    bar.stop()
    await shown.lines.flush()
  }
  return start.map((each) => shown.after(each))
}

async function placesOf(log: EmbeddedLog, topic: string, only?: number): Promise<TopicPartition[]> {
  const { partitions } = await log.admin.describeTopic(topic)
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  if (only === undefined) return all
  if (only < partitions) return all.slice(only, only + 1)
  const message = `topic "${topic}" has partitions 0 to ${partitions - 1}, not ${only}`
  throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, partition: only, partitions })
}

async function startOf(log: EmbeddedLog, places: readonly TopicPartition[], from: From): Promise<Position[]> {
  if (typeof from === 'object' && 'timestamp' in from)
    return [...(await log.admin.offsetsForTimestamp(places, from.timestamp))]
  const starts = await log.admin.offsets(places)
  return starts.map(({ topic, partition, logStartOffset }) => {
    const known = typeof from === 'string' ? undefined : from.find((each) => each.partition === partition)
    return { topic, partition, nextOffset: known?.nextOffset ?? logStartOffset }
  })
}

async function consume(call: CommandCall): Promise<void> {
  const [topic = ''] = call.args
  await withLog(call.directory, async (log) => {
    const shown = new Shown(call)
    const groupId = call.options['group'] as string
    // It only joins and commits; the records come from a reader that knows where the topic ends.
    const consumer = log.consumer({ groupId, topics: [topic], maxPollIntervalMs: NEVER_MS })
    await consumer.lag()
    const start = consumer.assignment().map((at) => ({ ...at, nextOffset: consumer.position(at) }))
    const until = await endsOf(log, start)
    const bar = progressOf(until, start)
    let committed = { count: 0, at: performance.now() }
    const commit = async () => {
      await shown.lines.flush()
      if (shown.lines.isBroken || shown.count === committed.count) return
      await consumer.commit(start.map((each) => shown.after(each)))
      committed = { count: shown.count, at: performance.now() }
      bar.update(shown.count)
    }
    try {
      for await (const record of log.read(topic, { from: start, until, signal: call.signal })) {
        await shown.show(record)
        if (shown.isEnough) break
        if (shown.count - committed.count >= COMMIT_RECORDS || performance.now() - committed.at >= COMMIT_MS)
          await commit()
      }
    } finally {
      bar.stop()
      await commit()
    }
  })
}

async function endsOf(log: EmbeddedLog, places: readonly TopicPartition[]): Promise<Position[]> {
  const ends = await log.admin.offsets(places)
  return ends.map(({ topic, partition, lastStableOffset }) => ({ topic, partition, nextOffset: lastStableOffset }))
}

/** On a terminal the records themselves are the progress. */
function progressOf(until: readonly Position[], start: readonly Position[]): Progress {
  const total = (positions: readonly Position[]) => positions.reduce((sum, { nextOffset }) => sum + nextOffset, 0)
  return progressBar('consume', process.stdout.isTTY ? 0 : total(until) - total(start), ' records')
}

function lineOf({ partition, offset, key, value }: ConsumerRecord): string {
  const columns = [
    `${partition}:${offset}`,
    key === null ? '' : printable(textOf(key)),
    value === null ? '(null)' : printable(textOf(value)),
  ]
  return columns.join('\t')
}

function jsonOf({ topic, partition, offset, timestamp, key, value, headers }: ConsumerRecord): string {
  const pairs = [...headers].map(([name, bytes]) => [name, jsonBytes(bytes)])
  const record = { topic, partition, offset, timestamp, key: jsonBytes(key), value: jsonBytes(value) }
  return JSON.stringify(pairs.length === 0 ? record : { ...record, headers: pairs })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function jsonBytes(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null
  try {
    return decoder.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

/** Bytes that aren't UTF-8 show as the escapes of their values. */
function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Buffer.from(bytes)
      .toString('latin1')
      .replace(/[\x80-\xff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`)
  }
}
