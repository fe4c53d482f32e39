import type { TopicPartition } from '../../model/positions.ts'
import type { Assignor } from './assignor.ts'

/**
 * Kafka's range assignor: per topic, members in order of their ids take consecutive partitions; of n partitions and m
 * members each gets n/m, the first n mod m one more. Worked: 5 partitions, members a b -> a: 0 1 2, b: 3 4.
 * Topics with the same number of partitions and the same readers are shared alike: equal keys meet in one member.
 */
export const rangeAssignor: Assignor = {
  name: 'range',
  assign(subscriptions, partitionCounts) {
    const members = [...subscriptions].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    const topics = new Map(members.map((member) => [member, new Set(member.topics)]))
    const assigned = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
    for (const [topic, count] of partitionCounts) {
      const takers = members.filter((member) => topics.get(member)?.has(topic))
      let partition = 0
      takers.forEach(({ memberId }, index) => {
        const share = Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0)
        for (const end = partition + share; partition < end; partition++)
          assigned.get(memberId)?.push({ topic, partition })
      })
    }
    return assigned
  },
}
