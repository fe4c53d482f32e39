import type { GroupMember, MemberAssignment } from '../../broker/consumer-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { placeKey } from '../places.ts'
import type { Assignor } from './assignor.ts'

/**
 * The leader's part of a rebalance: the assignor's plan, without the partitions that another member still holds. Nobody
 * gets these in this generation: their holder sees that, finishes with them and joins again, and the next generation
 * assigns them (KIP-429). Throws INVALID_REQUEST for a plan that names unknown members or partitions, or assigns a
 * partition twice.
 */
export function assignPartitions(
  assignor: Assignor,
  members: readonly GroupMember[],
  partitionCounts: ReadonlyMap<string, number>,
): MemberAssignment[] {
  const plan = assignor.assign(members, partitionCounts)
  checkPlan(assignor.name, plan, members, partitionCounts)
  const holders = new Map<string, string>()
  for (const { memberId, owned } of members) for (const place of owned) holders.set(placeKey(place), memberId)
  return members.map(({ memberId }) => {
    const isFree = (place: TopicPartition) => (holders.get(placeKey(place)) ?? memberId) === memberId
    return { memberId, partitions: (plan.get(memberId) ?? []).filter(isFree) }
  })
}

function checkPlan(
  name: string,
  plan: ReadonlyMap<string, readonly TopicPartition[]>,
  members: readonly GroupMember[],
  partitionCounts: ReadonlyMap<string, number>,
): void {
  const fault = (what: string) => new LogError('INVALID_REQUEST', `assignor "${name}" ${what}`, { option: 'assignor' })
  if (!(plan instanceof Map)) throw fault('must answer a Map from member ids to partitions')
  const given = new Set<string>()
  for (const [memberId, partitions] of plan) {
    const member = members.find((each) => each.memberId === memberId)
    if (member === undefined) throw fault(`names "${memberId}", which isn't a member`)
    if (!Array.isArray(partitions)) throw fault(`must answer a list of partitions for "${memberId}"`)
    for (const place of partitions) {
      if (typeof place !== 'object' || place === null) throw fault(`gives "${memberId}" what is no partition`)
      const { topic, partition } = place
      const exists = Number.isInteger(partition) && partition >= 0 && partition < (partitionCounts.get(topic) ?? 0)
      if (!exists || !member.topics.includes(topic)) throw fault(`gives ${topic}-${partition} to who doesn't read it`)
      if (given.has(placeKey(place))) throw fault(`gives ${topic}-${partition} to two members`)
      given.add(placeKey(place))
    }
  }
}
