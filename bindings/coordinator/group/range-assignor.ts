import type { AssignedPartition } from './group-entry.ts'

export interface Subscription {
  readonly memberId: string
  readonly topics: readonly string[]
}

/**
 * Kafka's range assignor: per topic, members in order of their ids take consecutive partitions; of n partitions and m
 * members each gets n/m, the first n mod m one more. Worked: 5 partitions, members a b -> a: 0 1 2, b: 3 4.
 * A topic that `partitionsOf` doesn't know gives nobody anything.
 */
export function assignRange(
  subscriptions: readonly Subscription[],
  partitionsOf: (topic: string) => number | undefined,
): ReadonlyMap<string, readonly AssignedPartition[]> {
  const members = [...subscriptions].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assigned = new Map<string, AssignedPartition[]>(members.map(({ memberId }) => [memberId, []]))
  for (const topic of new Set(members.flatMap((member) => member.topics))) {
    const count = partitionsOf(topic) ?? 0
    const takers = members.filter((member) => member.topics.includes(topic))
    let partition = 0
    takers.forEach(({ memberId }, index) => {
      const share = Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0)
      for (const end = partition + share; partition < end; partition++)
        assigned.get(memberId)?.push({ topic, partition })
    })
  }
  return assigned
}
