import { type Command, Option } from 'commander'
import { type AttachedLog, openAttached } from '../../embedded/attached-log.ts'
import { nodePort } from '../../embedded/node-port.ts'
import type { Log, Position, TopicPartition } from '../../node.ts'
import { countFrom, startPoint } from '../arguments.ts'
import { COMMIT_MS, COMMIT_RECORDS, consumeInGroup } from '../group-run.ts'
import { below } from '../help.ts'
import { assertLog, withImage } from '../open.ts'
import { endsOf, placesOf, progressOf } from '../places.ts'
import { type CommandCall, run } from '../run.ts'
import { ShownRecords } from '../shown-records.ts'
import { isHolderGone } from '../through-holder.ts'
import { LOOK_MS, TopicChanges } from '../topic-changes.ts'

/** How soon partitions that were added to the topic are read as well. */
const PARTITIONS_MS = 5000

export function addConsume(program: Command): void {
  program
    .command('consume <topic>')
    .description('show records on standard output')
    .option('--from <where>', 'earliest, latest, milliseconds since 1970 or a date, in UTC', startPoint, 'earliest')
    .option('--partition <number>', 'only this partition', countFrom(0))
    .option('--max <count>', 'stop after this many records', countFrom(1))
    .option('--follow', 'show new records as they come, until interrupted')
    .addOption(
      new Option('--group <id>', 'start at the offsets of this group, and commit what was written out').conflicts([
        'follow',
        'from',
        'partition',
      ]),
    )
    .addHelpText(
      'after',
      below(`
Without --group nothing is written, and a program that holds the log isn't disturbed. It shows what a restart at this
moment would find.

With --follow the program that holds the log delivers records as they become readable. If there is none, or it lets nobody
attach (it opened the log with exclusive, is stopped, or has another version of oncelog), the files are read again when
something was written to them, at most every ${LOOK_MS / 1000} s. A transaction
that is open at that moment counts as aborted, and its records aren't shown later. It ends with 2 when the topic is
deleted, also where another one is made of its name.

With --group the log is opened as by any program. A run ends where the topic ended when it began, and the next one
shows what came since; it goes without --follow, --from and --partition. "oncelog groups reset" moves the group.
Offsets are committed after the records were written out: every ${COMMIT_RECORDS} records, every ${COMMIT_MS / 1000} s
and at the end. After a crash some records may come again, but none is left out. Several runs of one group share the
partitions; when one comes or ends, the others go on with theirs. If the program that holds the log is killed, a run
may show again what another one had not committed yet.

Each line is partition:offset, key and value, separated by tabs; control characters are escaped. --json gives topic,
partition, offset, timestamp, key, value and headers; bytes that aren't UTF-8 come as {"base64": "…"}.

Examples:
  oncelog consume payments --max 10
  oncelog consume payments --from 2026-11-26T09:00Z --json | jq .value
  oncelog consume payments --group audit --json >> audit.ndjson`),
    )
    .action(run((call) => (call.options['group'] === undefined ? read(call) : consumeInGroup(call))))
}

async function read(call: CommandCall): Promise<void> {
  const shown = new ShownRecords(call)
  if (call.options['follow'] === true) await follow(call, shown)
  else await withImage(call, (log) => readOnce(log, call, shown))
}

/** Follows through the program that holds the log, as long as there is one; else by reading the files. */
async function follow(call: CommandCall, shown: ShownRecords): Promise<void> {
  const { directory, signal, args } = call
  assertLog(directory)
  const changes = new TopicChanges(directory, args[0] ?? '')
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

/** Waits for new records, without polling, until the holder is gone or the topic has more partitions. */
async function readOn(log: AttachedLog, call: CommandCall, shown: ShownRecords): Promise<void> {
  const { args, signal } = call
  const [topic = ''] = args
  const grown = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    const { places, start, until } = await log.whileAnswered(placesToFollow(log, call, shown))
    shown.beginAt(start)
    timer = setInterval(() => {
      const described = log.admin.describeTopic(topic)
      // The reader hears of any failure itself.
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
    if (!isHolderGone(error) && (signal.aborted || error !== grown.signal.reason)) throw error
  } finally {
    clearInterval(timer)
    await shown.lines.flush()
    await log.close()
  }
}

async function placesToFollow(log: Log, { options, args: [topic = ''] }: CommandCall, shown: ShownRecords) {
  const only = options['partition'] as number | undefined
  shown.stayWith(await log.admin.describeTopic(topic))
  const places = await placesOf(log, topic)
  const start = await startOf(log, places, shown, 'lastStableOffset')
  const until = only === undefined ? undefined : (await placesOf(log, topic, only)).map(endless)
  return { places, start, until }
}

function endless(at: TopicPartition): Position {
  return { ...at, nextOffset: Number.MAX_SAFE_INTEGER }
}

async function readOnce(log: Log, call: CommandCall, shown: ShownRecords): Promise<void> {
  const { options, signal } = call
  const [topic = ''] = call.args
  shown.stayWith(await log.admin.describeTopic(topic))
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

/**
 * `end`: the field that is the end here. After an unclean end an image's own end lies above what readers will see next.
 */
async function startOf(
  log: Log,
  places: readonly TopicPartition[],
  shown: ShownRecords,
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
