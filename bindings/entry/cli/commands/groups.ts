import type { Command } from 'commander'
import type { GroupDetails, GroupOffset } from '../../node.ts'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { print, type Row, say } from '../output.ts'
import { addReset } from '../reset.ts'
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
  addReset(groups, (admin) => admin.resetOffsets.bind(admin))
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
