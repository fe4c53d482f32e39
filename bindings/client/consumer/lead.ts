import type { GroupMember, MemberAssignment } from '../../broker/consumer-session.ts'
import { LogError } from '../../model/errors.ts'
import { placeKey, type TopicPartition } from '../../model/positions.ts'
import type { Assignor } from './assignor.ts'

/**
 * The leader's part of a rebalance: the assignor's plan, without the partitions that another member still holds. Nobody
 * gets these in this generation; their holder sees that, finishes with them and joins again, and the next generation
 * gives them on (KIP-429). INVALID_REQUEST for a plan that names unknown members or partitions, or gives a partition
 * twice. What the assignor is given and answers is copied: it may use its lists up, or answer places with more to them.
 */
export function assignPartitions(
  assignor: Assignor,
  members: readonly GroupMember[],
  partitionCounts: ReadonlyMap<string, number>,
): MemberAssignment[] {
  const plan = assignor.assign(members.map(copyOf), new Map(partitionCounts))
  const given = checkedPlan(assignor.name, plan, members, partitionCounts)
  const holders = new Map<string, string>()
  for (const { memberId, owned } of members) for (const place of owned) holders.set(placeKey(place), memberId)
  return members.map(({ memberId }) => {
    const isFree = (place: TopicPartition) => (holders.get(placeKey(place)) ?? memberId) === memberId
    return { memberId, partitions: (given.get(memberId) ?? []).filter(isFree) }
  })
}

function copyOf({ memberId, topics, owned }: GroupMember): GroupMember {
  return { memberId, topics: [...topics], owned: owned.map(({ topic, partition }) => ({ topic, partition })) }
}

function checkedPlan(
  name: string,
  plan: ReadonlyMap<string, readonly TopicPartition[]>,
  members: readonly GroupMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const fault = (what: string) => new LogError('INVALID_REQUEST', `assignor "${name}" ${what}`, { option: 'assignor' })
  if (!(plan instanceof Map)) throw fault('must answer a Map from member ids to partitions')
  const given = new Set<string>()
  const checked = (memberId: string, topics: ReadonlySet<string>, place: unknown): TopicPartition => {
    if (typeof place !== 'object' || place === null) throw fault(`gives "${memberId}" what is no partition`)
    const { topic, partition } = place as TopicPartition
    const exists = Number.isInteger(partition) && partition >= 0 && partition < (partitionCounts.get(topic) ?? 0)
    const named = `${String(topic)}-${String(partition)}`
    if (!exists || !topics.has(topic)) throw fault(`gives ${named} to who doesn't read it`)
    if (given.has(placeKey({ topic, partition }))) throw fault(`gives ${named} to two members`)
    given.add(placeKey({ topic, partition }))
    return { topic, partition }
  }
  const plans = [...plan].map(([memberId, partitions]: readonly [string, unknown]) => {
    const member = members.find((each) => each.memberId === memberId)
    if (member === undefined) throw fault(`names "${String(memberId)}", which isn't a member`)
    if (!Array.isArray(partitions)) throw fault(`must answer a list of partitions for "${memberId}"`)
    const topics = new Set(member.topics)
    return [memberId, Array.from(partitions, (place: unknown) => checked(memberId, topics, place))] as const
  })
  return new Map(plans)
}
