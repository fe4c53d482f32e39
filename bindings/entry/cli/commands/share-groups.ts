import type { Command } from 'commander'
import { defaultList } from '../default-list.ts'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { type Outcome, print, say } from '../output.ts'
import { addReset } from '../reset.ts'
import { type CommandCall, run } from '../run.ts'

export function addShareGroups(program: Command): void {
  const groups = program
    .command('share-groups')
    .description('list, describe, reset and delete share groups, the work queues')
    .addHelpText(
      'after',
      below(`
list and describe write nothing. They ask the program that holds the log, and show its locks. If there is none, or it
lets nobody attach (it opened the log with exclusive, is stopped, or has another version of oncelog), they show what a
restart at this moment would find: no record is locked.

Examples:
  oncelog share-groups
  oncelog share-groups describe mailers --json
  oncelog share-groups reset mailers --to-latest`),
    )
  defaultList(groups).description('all share groups and how much they have left').action(run(listShareGroups))
  groups
    .command('describe <group>')
    .description('by partition: what is finished, what is left, what consumers hold')
    .action(run(describeShareGroup))
  groups
    .command('delete <group>')
    .description('delete the group with its delivery counts; none of its consumers may wait or hold records')
    .action(run(deleteShareGroup))
  addReset(groups, 'begin a group anew elsewhere, without its delivery counts; its members must have left', (admin) =>
    admin.resetShareGroup.bind(admin),
  )
}

function listShareGroups(call: CommandCall): Promise<void> {
  return withView(call, async ({ admin }) => {
    const found = await admin.listShareGroups()
    const rows = found.map(({ groupId, offsets }) => {
      const sum = (key: 'lag' | 'acquired') => offsets.reduce((total, each) => total + each[key], 0)
      return { groupId, partitions: offsets.length, lag: sum('lag'), acquired: sum('acquired') }
    })
    print(rows, call.isJson, 'no share groups')
  })
}

function describeShareGroup(call: CommandCall): Promise<void> {
  const [name = ''] = call.args
  return withView(call, async ({ admin }) => {
    const { groupId, offsets } = await admin.describeShareGroup(name)
    const rows = offsets.map(({ topic, partition, startOffset, lag, acquired }) => {
      return { groupId, topic, partition, startOffset, lag, acquired }
    })
    print(rows, call.isJson, 'its topics are gone')
  })
}

function deleteShareGroup(call: CommandCall): Promise<Outcome> {
  const [groupId = ''] = call.args
  return withLog(call, async ({ admin }) => {
    await admin.deleteShareGroup(groupId)
    return say(`deleted share group ${groupId}`, { groupId, deleted: true }, call.isJson)
  })
}
