import { LogError } from '../../../bindings/model/errors.ts'
import type { CommitCall, Hold } from './ledger.ts'
import type { Member } from './member.ts'
import { codeOf, isStormy } from './world.ts'

/** Commits of a member; what they are refused with is judged, and no failure of the program. */
export async function commitCall(member: Member, call: CommitCall, ask: () => Promise<void>): Promise<boolean> {
  const { world, facts } = member
  if (facts.begins === 'positions') return world.ledger.store(call)
  try {
    await member.process.whileAlive(ask())
    world.ledger.committed(call)
    return true
  } catch (error) {
    if (LogError.is(error, ...REFUSALS) || (member.isClosing && LogError.is(error, 'CONSUMER_CLOSED'))) {
      world.ledger.refused(call, codeOf(error), isStormy(world.plan))
    } else {
      world.ledger.fail(`a commit of ${facts.name} was refused with ${String(error)}`)
    }
    return false
  }
}

/** What the docstring of `commit` names for groups that went on. */
const REFUSALS = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_TOPIC_ID', 'CONSUMER_CLOSED'] as const

/** All that was delivered of these partitions. */
export async function commitPositions(member: Member, holds: readonly Hold[]): Promise<void> {
  const { consumer, world } = member
  const positions = holds.flatMap(({ topic, partition, start, expected }) => {
    return expected === start ? [] : [{ topic, partition, nextOffset: expected }]
  })
  if (positions.length === 0) return
  const parts = positions.flatMap((position) => {
    const hold = member.holdOf(position)
    return hold === undefined ? [] : [{ hold, nextOffset: position.nextOffset }]
  })
  const call = world.ledger.committing(member.facts, parts)
  await commitCall(member, call, () => consumer.commit(positions, { allowSkip: true }))
}
