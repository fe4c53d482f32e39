import type { GroupMember } from '../../broker/consumer-session.ts'
import { placeKey, type TopicPartition } from '../../model/positions.ts'
import type { Assignor } from './assignor.ts'

interface Share {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly partitions: TopicPartition[]
}

/**
 * Every member keeps what it has as far as balance allows, and free partitions go to those who have least. Where all
 * members read the same topics, their numbers of partitions differ by at most one. Source: the aim of Kafka's sticky
 * assignor (KIP-54).
 */
export const stickyAssignor: Assignor = {
  name: 'sticky',
  assign(members, partitionCounts) {
    const shares = members.map(shareOf).sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    const free = new Set<string>()
    for (const [topic, count] of partitionCounts) {
      for (let partition = 0; partition < count; partition++) free.add(placeKey({ topic, partition }))
    }
    keepOwned(members, shares, free)
    for (const key of free) leastOf(shares, placeOf(key).topic)?.partitions.push(placeOf(key))
    balance(shares)
    return new Map(shares.map(({ memberId, partitions }) => [memberId, partitions]))
  },
}

function shareOf({ memberId, topics }: GroupMember): Share {
  return { memberId, topics: new Set(topics), partitions: [] }
}

function keepOwned(members: readonly GroupMember[], shares: readonly Share[], free: Set<string>): void {
  const owned = new Map(members.map((member) => [member.memberId, member.owned]))
  for (const share of shares) {
    for (const { topic, partition } of owned.get(share.memberId) ?? []) {
      if (share.topics.has(topic) && free.delete(placeKey({ topic, partition })))
        share.partitions.push({ topic, partition })
    }
  }
}

function leastOf(shares: readonly Share[], topic: string): Share | undefined {
  let least: Share | undefined
  for (const share of shares) {
    if (share.topics.has(topic) && share.partitions.length < (least?.partitions.length ?? Number.POSITIVE_INFINITY))
      least = share
  }
  return least
}

/**
 * Moves partitions one by one from the member that has most, so that nobody gives up more than necessary. Each move
 * makes the shares more even, so this ends.
 */
function balance(shares: readonly Share[]): void {
  const bySize = [...shares]
  for (let moved = true; moved; ) {
    bySize.sort((a, b) => b.partitions.length - a.partitions.length)
    moved = bySize.some((from) => moveOne(from, shares))
  }
}

function moveOne(from: Share, shares: readonly Share[]): boolean {
  // Asked once for each topic: a member may have thousands of its partitions.
  const even = new Set<string>()
  for (let index = from.partitions.length - 1; index >= 0; index--) {
    const place = from.partitions[index]
    if (place === undefined || even.has(place.topic)) continue
    const to = leastOf(shares, place.topic)
    if (to === undefined || from.partitions.length - to.partitions.length < 2) {
      even.add(place.topic)
      continue
    }
    from.partitions.splice(index, 1)
    to.partitions.push(place)
    return true
  }
  return false
}

/** Topic names hold no slash. */
function placeOf(key: string): TopicPartition {
  const [topic = '', partition] = key.split('/')
  return { topic, partition: Number(partition) }
}
