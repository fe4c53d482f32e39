import { type Command, Option } from 'commander'
import type { Admin, OffsetReset, ResetOptions, ResetPoint } from '../node.ts'
import { LogError } from '../node.ts'
import { countFrom, durationMs, startPoint, topicPartitions, wholeNumber } from './arguments.ts'
import { below } from './help.ts'
import { withLog } from './open.ts'
import { type Outcome, print } from './output.ts'
import { type CommandCall, run } from './run.ts'

const POINTS = ['toEarliest', 'toLatest', 'toTime', 'byDuration', 'toOffset', 'shiftBy']

type Reset = (groupId: string, to: ResetPoint, options: ResetOptions) => Promise<readonly OffsetReset[]>

/** Where a group may be moved to; a call names one of them. */
function points(): readonly Option[] {
  return [
    new Option('--to-earliest', 'to the first record that is kept'),
    new Option('--to-latest', 'to the end of what committed reads see'),
    new Option(
      '--to-time <when>',
      'to the first record from then on: milliseconds since 1970 or a date, in UTC',
    ).argParser(startPoint),
    new Option(
      '--by-duration <duration>',
      'back by this time, as PT1H or P1DT12H: to the first record since then',
    ).argParser(durationMs),
    new Option('--to-offset <offset>', 'to this offset').argParser(countFrom(0)),
    new Option('--shift-by <count>', 'this many offsets forward; negative: back').argParser(wholeNumber),
  ]
}

/** Adds `reset` for one kind of groups; `resetOf` moves them. */
export function addReset(groups: Command, description: string, resetOf: (admin: Admin) => Reset): void {
  const reset = groups.command('reset <group>').description(description)
  for (const option of points()) {
    reset.addOption(option.conflicts(POINTS.filter((each) => each !== option.attributeName())))
  }
  reset
    .option('--topic <topic[:partitions]>', 'only these, as payments or payments:0,2; may be repeated', topicPartitions)
    .option('--dry-run', 'only show what would be done')
    .addHelpText(
      'after',
      below(`
Without --topic all partitions are moved that the group has offsets of. An offset outside of a partition becomes the
nearest end, as in Kafka's tool. Differs from that tool: the group is moved at once, where Kafka's shows what it would
do until it is given --execute. --dry-run shows it here.

Examples:
  oncelog ${groups.name()} reset audit --shift-by -100 --dry-run
  oncelog ${groups.name()} reset audit --by-duration PT1H
  oncelog ${groups.name()} reset audit --to-time 2026-11-26T09:00Z --topic payments:0,2`),
    )
    .action(run((call) => move(call, resetOf)))
}

async function move(
  { directory, isJson, args: [name = ''], options }: CommandCall,
  resetOf: (admin: Admin) => Reset,
): Promise<Outcome | undefined> {
  return withLog({ directory, isJson }, async ({ admin }) => {
    const how = { topics: options['topic'], dryRun: options['dryRun'] === true } as ResetOptions
    const moved = await resetOf(admin)(name, pointOf(options), how)
    const rows = moved.map(({ topic, partition, before = null, nextOffset }) => {
      return { groupId: name, topic, partition, before, nextOffset, dryRun: how.dryRun }
    })
    print(rows, isJson, 'no offsets to move')
    return how.dryRun === true ? undefined : { sentence: `moved ${name}`, facts: { groupId: name, offsets: rows } }
  })
}

function pointOf(given: Readonly<Record<string, unknown>>): ResetPoint {
  if (given['toEarliest'] === true) return 'earliest'
  if (given['toLatest'] === true) return 'latest'
  if (given['toTime'] !== undefined) return given['toTime'] as ResetPoint
  if (given['byDuration'] !== undefined) return { timestamp: Math.max(0, Date.now() - (given['byDuration'] as number)) }
  if (given['toOffset'] !== undefined) return { offset: given['toOffset'] as number }
  if (given['shiftBy'] !== undefined) return { shiftBy: given['shiftBy'] as number }
  const message = 'where to: --to-earliest, --to-latest, --to-time, --by-duration, --to-offset or --shift-by'
  throw new LogError('INVALID_REQUEST', message, { argument: 'to' })
}
