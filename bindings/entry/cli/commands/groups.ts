import { type Command, Option } from 'commander'
import type { GroupDetails, GroupOffset, ResetOptions, ResetPoint } from '../../node.ts'
import { LogError } from '../../node.ts'
import { countFrom, startPoint, topicPartitions, wholeNumber } from '../arguments.ts'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { print, type Row, say } from '../output.ts'
import { run } from '../run.ts'

export function addGroups(program: Command): void {
  const groups = program
    .command('groups')
    .description('list, describe, reset and delete consumer groups')
    .addHelpText(
      'after',
      below(`
list and describe write nothing. Beside a program that holds the log they show what is so now, members included; without one,
or beside one that opened it with exclusive, what a restart at this moment would find.

Examples:
  oncelog groups
  oncelog groups describe audit --json
  oncelog groups reset audit --to-earliest --topic payments --dry-run`),
    )
  groups
    .command('list', { isDefault: true })
    .description('all groups with their state')
    .action(
      run(({ directory, isJson }) =>
        withView({ directory, isJson }, async ({ admin }) => {
          const found = await admin.listGroups()
          print(
            found.map(({ offsets, ...group }) => ({ ...group, partitions: offsets.length })),
            isJson,
            'no groups',
          )
        }),
      ),
    )
  groups
    .command('describe <group>')
    .description('who reads which partition, how far behind, held back by which transaction')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withView({ directory, isJson }, async ({ admin }) => show(await admin.describeGroup(name), isJson)),
      ),
    )
  groups
    .command('delete <group>')
    .description('the group with its offsets and generations; its members must have left')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withLog({ directory, isJson }, async ({ admin }) => {
          await admin.deleteGroup(name)
          say(`deleted group ${name}`, { groupId: name, deleted: true }, isJson)
        }),
      ),
    )
  addReset(groups)
}

function show({ members, offsets, ...group }: GroupDetails, isJson: boolean): void {
  if (!isJson) {
    const { groupId, state, generation } = group
    say(`${groupId}: ${state}, generation ${generation}, ${members.length} members`, {}, false)
  }
  const rows = new Map<string, Row>()
  for (const offset of offsets) rows.set(`${offset.topic}/${offset.partition}`, rowOf(group.groupId, offset))
  for (const { memberId, partitions } of members) {
    for (const place of partitions) {
      const key = `${place.topic}/${place.partition}`
      rows.set(key, { ...(rows.get(key) ?? rowOf(group.groupId, place)), memberId })
    }
  }
  print([...rows.values()], isJson, 'no offsets, no members')
}

/** Every row has the same columns, in the same order. */
function rowOf(groupId: string, at: Partial<GroupOffset> & Pick<GroupOffset, 'topic' | 'partition'>): Row {
  const { topic, partition, nextOffset = null, lag = null, heldBack = null, heldBackBy = null } = at
  return { groupId, topic, partition, nextOffset, lag, heldBack, heldBackBy, memberId: null }
}

const POINTS = ['toEarliest', 'toLatest', 'toTime', 'toOffset', 'shiftBy']

function addReset(groups: Command): void {
  const reset = groups.command('reset <group>').description('move a group whose members have left')
  const options = [
    new Option('--to-earliest', 'to the first record that is kept'),
    new Option('--to-latest', 'to the end of what committed reads see'),
    new Option('--to-time <when>', 'to the first record from then on: milliseconds since 1970 or a date').argParser(
      startPoint,
    ),
    new Option('--to-offset <offset>', 'to this offset').argParser(countFrom(0)),
    new Option('--shift-by <count>', 'so many offsets on, negative: back').argParser(wholeNumber),
  ]
  for (const option of options) {
    reset.addOption(option.conflicts(POINTS.filter((each) => each !== option.attributeName())))
  }
  reset
    .option('--topic <topic[:partitions]>', 'only there, as payments or payments:0,2; again for more', topicPartitions)
    .option('--dry-run', 'only show what would be done')
    .addHelpText(
      'after',
      below(`
Unless topics are named, all partitions that the group has offsets of are moved. A place outside of a partition is taken to
its nearest end, as Kafka's tool does it.

Examples:
  oncelog groups reset audit --shift-by -100 --dry-run
  oncelog groups reset audit --to-time 2026-11-26T09:00Z --topic payments:0,2`),
    )
    .action(
      run(({ directory, isJson, args: [name = ''], options: given }) =>
        withLog({ directory, isJson }, async ({ admin }) => {
          const how = { topics: given['topic'], dryRun: given['dryRun'] === true } as ResetOptions
          const moved = await admin.resetOffsets(name, pointOf(given), how)
          print(
            moved.map(({ topic, partition, before = null, nextOffset }) => {
              return { groupId: name, topic, partition, before, nextOffset, dryRun: how.dryRun }
            }),
            isJson,
            'no offsets to move',
          )
        }),
      ),
    )
}

function pointOf(given: Readonly<Record<string, unknown>>): ResetPoint {
  if (given['toEarliest'] === true) return 'earliest'
  if (given['toLatest'] === true) return 'latest'
  if (given['toTime'] !== undefined) return given['toTime'] as ResetPoint
  if (given['toOffset'] !== undefined) return { offset: given['toOffset'] as number }
  if (given['shiftBy'] !== undefined) return { shiftBy: given['shiftBy'] as number }
  const message = 'where to: --to-earliest, --to-latest, --to-time, --to-offset or --shift-by'
  throw new LogError('INVALID_REQUEST', message, { argument: 'to' })
}
