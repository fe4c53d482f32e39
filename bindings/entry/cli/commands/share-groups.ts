import type { Command } from 'commander'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { print, say } from '../output.ts'
import { addReset } from '../reset.ts'
import { run } from '../run.ts'

export function addShareGroups(program: Command): void {
  const groups = program
    .command('share-groups')
    .description('list, describe, reset and delete share groups, the work queues')
    .addHelpText(
      'after',
      below(`
list and describe write nothing. Beside a program that holds the log they show what is so now, locks included; without one, or
beside one that opened it with exclusive, what a restart at this moment would find.

Examples:
  oncelog share-groups
  oncelog share-groups describe mailers --json
  oncelog share-groups reset mailers --to-latest`),
    )
  groups
    .command('list', { isDefault: true })
    .description('all share groups and how much they have left')
    .action(
      run(({ directory, isJson }) =>
        withView({ directory, isJson }, async ({ admin }) => {
          const found = await admin.listShareGroups()
          const rows = found.map(({ groupId, offsets }) => {
            const sum = (key: 'lag' | 'acquired') => offsets.reduce((total, each) => total + each[key], 0)
            return { groupId, partitions: offsets.length, lag: sum('lag'), acquired: sum('acquired') }
          })
          print(rows, isJson, 'no share groups')
        }),
      ),
    )
  groups
    .command('describe <group>')
    .description('by partition: what is finished, what is left, what consumers hold')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withView({ directory, isJson }, async ({ admin }) => {
          const { groupId, offsets } = await admin.describeShareGroup(name)
          const rows = offsets.map(({ topic, partition, startOffset, lag, acquired }) => {
            return { groupId, topic, partition, startOffset, lag, acquired }
          })
          print(rows, isJson, 'its topics are gone')
        }),
      ),
    )
  groups
    .command('delete <group>')
    .description('the group with what it delivered how often; no consumer of it may wait or hold records')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withLog({ directory, isJson }, async ({ admin }) => {
          await admin.deleteShareGroup(name)
          say(`deleted share group ${name}`, { groupId: name, deleted: true }, isJson)
        }),
      ),
    )
  addReset(groups, (admin) => admin.resetShareGroup.bind(admin))
}
