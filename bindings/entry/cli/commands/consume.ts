import { type Command, Option } from 'commander'
import { openAttached } from '../../embedded/attached-log.ts'
import { nodePort } from '../../embedded/node-port.ts'
import { type Log, LogError, type Position, type TopicPartition } from '../../node.ts'
import { countFrom, startPoint } from '../arguments.ts'
import { Changes, LOOK_MS } from '../changes.ts'
import { COMMIT_MS, COMMIT_RECORDS, consumeInGroup } from '../group-run.ts'
import { below } from '../help.ts'
import { assertLog, withImage } from '../open.ts'
import { endsOf, placesOf, progressOf } from '../places.ts'
import { type CommandCall, run } from '../run.ts'
import { Shown } from '../shown.ts'

/** How soon partitions that a topic got since are read as well. */
const PARTITIONS_MS = 5000

export function addConsume(program: Command): void {
  program
    .command('consume <topic>')
    .description('show records on standard output')
    .option('--from <where>', 'earliest, latest, milliseconds since 1970 or a date', startPoint, 'earliest')
    .option('--partition <number>', 'only this one', countFrom(0))
    .option('--max <count>', 'stop after so many records', countFrom(1))
    .option('--follow', 'go on with what comes, until interrupted')
    .addOption(
      new Option('--group <id>', 'go on where this group is, and commit what was written out').conflicts([
        'follow',
        'from',
        'partition',
      ]),
    )
    .addHelpText(
      'after',
      below(`
Without --group nothing is written, and a program that holds the log goes on beside it; shown is what a restart at this
moment would find.

With --follow that program tells of records as they become readable. Where there is none, or it opened the log with exclusive,
the files are looked at when something was written to them, at most every ${LOOK_MS / 1000} s; what is open in a transaction at such a look
counts as aborted and isn't shown later.

With --group the log is opened as by any program, and offsets are committed after the records were
written out, every ${COMMIT_RECORDS} records, every ${COMMIT_MS / 1000} s and at the end: after a crash some may come again, none is left out. Several
runs of one group share the partitions, and each goes on with what it has when another one comes or ends. Where the program is killed that
holds the log and two or more runs go on, one may show again what another one had not committed yet.

Lines are partition:offset, key, value, with tabs between; control characters are escaped. --json gives topic, partition,
offset, timestamp, key, value and headers; bytes that aren't UTF-8 come as {"base64": "…"}.

Examples:
  oncelog consume payments --max 10
  oncelog consume payments --from 2026-11-26T09:00Z --json | jq .value
  oncelog consume payments --group audit --json >> audit.ndjson`),
    )
    .action(run((call) => (call.options['group'] === undefined ? read(call) : consumeInGroup(call))))
}

async function read(call: CommandCall): Promise<void> {
  const shown = new Shown(call)
  if (call.options['follow'] === true) await follow(call, shown)
  else await withImage(call, (log) => readOnce(log, call, shown))
}

/** Through the program that holds the log, as long as one does; else whatever its files come to hold. */
async function follow(call: CommandCall, shown: Shown): Promise<void> {
  const { directory, signal, args } = call
  assertLog(directory)
  const changes = new Changes(directory, args[0] ?? '')
  try {
    while (!shown.isEnough && !signal.aborted) {
      const attached = await openAttached(directory, nodePort)
      if (attached !== undefined) await readOn(attached, call, shown)
      else {
        await withImage(call, (log) => readOnce(log, call, shown))
        if (!shown.isEnough) await changes.next(signal)
      }
    }
  } finally {
    changes.close()
  }
}

/** Waits for what comes, without polling, until the holder is gone or the topic has more partitions. */
async function readOn(log: Log, call: CommandCall, shown: Shown): Promise<void> {
  const { options, signal } = call
  const [topic = ''] = call.args
  const only = options['partition'] as number | undefined
  const grown = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    const places = await placesOf(log, topic)
    const start = await startOf(log, places, shown, 'lastStableOffset')
    shown.beginAt(start)
    const until = only === undefined ? undefined : (await placesOf(log, topic, only)).map(endless)
    timer = setInterval(() => {
      const described = log.admin.describeTopic(topic)
      // Whatever is wrong, the reader hears of it.
      described.then(({ partitions }) => partitions > places.length && grown.abort()).catch(() => {})
    }, PARTITIONS_MS)
    const reader = log.read(topic, { from: start, until, signal: AbortSignal.any([signal, grown.signal]) })
    for await (const batch of reader.batches()) {
      for (const record of batch) {
        await shown.show(record)
        if (shown.isEnough) break
      }
      await shown.lines.flush()
      if (shown.isEnough) break
    }
  } catch (error) {
    const isGone = LogError.is(error, 'LOG_CLOSED', 'NETWORK_EXCEPTION')
    if (!isGone && (signal.aborted || error !== grown.signal.reason)) throw error
  } finally {
    clearInterval(timer)
    await shown.lines.flush()
    await log.close()
  }
}

function endless(at: TopicPartition): Position {
  return { ...at, nextOffset: Number.MAX_SAFE_INTEGER }
}

async function readOnce(log: Log, call: CommandCall, shown: Shown): Promise<void> {
  const { options, signal } = call
  const [topic = ''] = call.args
  const start = await startOf(log, await placesOf(log, topic), shown, 'logStartOffset')
  const until = await endsOf(log, await placesOf(log, topic, options['partition'] as number | undefined))
  const bar = progressOf(until, start)
  let count = 0
  try {
    for await (const record of log.read(topic, { from: start, until, signal })) {
      if (shown.from === 'latest') shown.passed(record)
      else await shown.show(record)
      if (++count % 1000 === 0) bar.update(count)
      if (shown.isEnough) break
    }
  } finally {
    bar.stop()
    await shown.lines.flush()
  }
  if (shown.from === 'latest') shown.from = 'earliest'
}

/** `end`: what stands for the end. An image's own lies above what readers see next, after an unclean end. */
async function startOf(
  log: Log,
  places: readonly TopicPartition[],
  shown: Shown,
  end: 'lastStableOffset' | 'logStartOffset',
): Promise<Position[]> {
  const { from } = shown
  const starts =
    typeof from === 'object'
      ? await log.admin.offsetsForTimestamp(places, from.timestamp)
      : (await log.admin.offsets(places)).map((each) => {
          const nextOffset = from === 'latest' ? each[end] : each.logStartOffset
          return { topic: each.topic, partition: each.partition, nextOffset }
        })
  return starts.map((each) => shown.after(each))
}
