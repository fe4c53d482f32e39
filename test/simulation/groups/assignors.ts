import type { Assignor } from '../../../bindings/client/consumer/assignor.ts'
import type { TopicPartition } from '../../../bindings/model/positions.ts'
import { TraceHash } from '../../../bindings/testkit/simulation/random.ts'

/** Wild, and the same for the same members: each partition goes to whom a hash names among those who read it. */
export const userAssignor: Assignor = {
  name: 'wild',
  assign(members, partitionCounts) {
    const plan = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
    const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    for (const [topic, count] of partitionCounts) {
      const readers = sorted.filter(({ topics }) => topics.includes(topic))
      for (let partition = 0; partition < count && readers.length > 0; partition++) {
        const hash = new TraceHash()
        for (const { memberId } of readers) hash.add(memberId)
        hash.add(`${topic}-${partition}`)
        const reader = readers[(hash.number >>> 0) % readers.length]
        plan.get(reader?.memberId ?? '')?.push({ topic, partition })
      }
    }
    return plan
  },
}
