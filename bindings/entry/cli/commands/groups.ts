import type { Command } from 'commander'
import { type Admin, type GroupDetails, LogError } from '../../node.ts'
import { defaultList } from '../default-list.ts'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { counted, type Outcome, print, say } from '../output.ts'
import { addReset } from '../reset.ts'
import { type CommandCall, run } from '../run.ts'

export function addGroups(program: Command): void {
  const groups = program
    .command('groups')
    .description('list, describe, reset and delete consumer groups')
    .addHelpText(
      'after',
      below(`
list and describe write nothing. They ask the program that holds the log, and show its members. If there is none, or it
lets nobody attach (it opened the log with exclusive, is stopped, or has another version of oncelog), they show what a
restart at this moment would find: groups without members. Of describe --json the first line is
the group, each further line a partition, or a member without one.

Examples:
  oncelog groups
  oncelog groups describe audit --json
  oncelog groups reset audit --to-earliest --topic payments --dry-run`),
    )
  defaultList(groups).description('all groups with their state, and how far behind they are').action(run(listGroups))
  groups
    .command('describe <group>')
    .description('which member reads which partition, how far behind it is, and which transaction holds it back')
    .action(run(describeGroup))
  groups
    .command('delete <group>')
    .description('delete the group with its offsets and generations; its members must have left')
    .action(run(deleteGroup))
  addReset(groups, 'move a group whose members have left', (admin) => admin.resetOffsets.bind(admin))
}

function listGroups(call: CommandCall): Promise<void> {
  return withView(call, async ({ admin }) => {
    const found = await admin.listGroups()
    const details = await Promise.all(found.map(({ groupId }) => detailsOf(admin, groupId)))
    const rows = details.flatMap((group) => {
      if (group === undefined) return []
      const { groupId, state, generation, members, offsets } = group
      const lag = offsets.reduce((sum, each) => sum + each.lag, 0)
      return [{ groupId, state, generation, members: members.length, partitions: offsets.length, lag }]
    })
    print(rows, call.isJson, 'no groups')
  })
}

function describeGroup(call: CommandCall): Promise<void> {
  const [groupId = ''] = call.args
  return withView(call, async ({ admin }) => show(await admin.describeGroup(groupId), call.isJson))
}

function deleteGroup(call: CommandCall): Promise<Outcome> {
  const [groupId = ''] = call.args
  return withLog(call, async ({ admin }) => {
    await admin.deleteGroup(groupId)
    return say(`deleted group ${groupId}`, { groupId, deleted: true }, call.isJson)
  })
}

/** `undefined` if the group was deleted since it was listed. */
async function detailsOf(admin: Admin, groupId: string): Promise<GroupDetails | undefined> {
  try {
    return await admin.describeGroup(groupId)
  } catch (error) {
    if (LogError.is(error, 'GROUP_ID_NOT_FOUND')) return undefined
    throw error
  }
}

function show({ members, offsets, ...group }: GroupDetails, isJson: boolean): void {
  const { groupId, state, generation } = group
  const heading = `${groupId}: ${state}, generation ${generation}, ${counted(members.length, 'member')}`
  say(heading, { groupId, state, generation, members: members.length }, isJson)
  const readers = new Map(
    members.flatMap(({ memberId, partitions }) => partitions.map((at) => [`${at.topic}/${at.partition}`, memberId])),
  )
  // Every row has the same columns, in the same order.
  const rows = offsets.map(({ topic, partition, nextOffset = null, lag, heldBack, heldBackBy = null }) => {
    const memberId = readers.get(`${topic}/${partition}`) ?? null
    return { groupId, topic, partition, nextOffset, lag, heldBack, heldBackBy, memberId }
  })
  const none = { topic: null, partition: null, nextOffset: null, lag: null, heldBack: null, heldBackBy: null }
  const idle = members.filter(({ partitions }) => partitions.length === 0)
  print([...rows, ...idle.map(({ memberId }) => ({ groupId, ...none, memberId }))], isJson, 'no offsets, no members')
}
