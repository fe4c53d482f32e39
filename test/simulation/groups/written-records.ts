import type { TopicLife } from './topic-lives.ts'

interface Written {
  readonly value: string
  /** Readers must get it. Not of an aborted transaction, nor where nobody knows. */
  isVisible: boolean
  /** Its commit was asked for: whoever asked may have died, or lost the answer. */
  mayBeVisible: boolean
}

interface Gap {
  readonly by: string
  readonly groupId: string
  readonly from: number
  readonly to: number
}

interface Reach {
  readonly from: number
  readonly to: number
}

interface Delivery {
  readonly by: string
  readonly offset: number
  readonly value: string
}

/** What stands in one partition, and what members got of it. */
interface Stand {
  readonly name: string
  readonly written: Map<number, Written>
  readonly gaps: Gap[]
  readonly deliveries: Delivery[]
  /** By group: offsets that some member of it got. */
  readonly got: Map<string, Set<number>>
}

/** Holds what producers were told against what members of groups got: judged at the end, when all is told. */
export class WrittenRecords {
  readonly #stands: Map<string, Stand> = new Map()

  #stand(topic: string, life: number, partition: number): Stand {
    const name = `${topic}.${life}-${partition}`
    let stand = this.#stands.get(name)
    if (stand === undefined) {
      stand = { name, written: new Map(), gaps: [], deliveries: [], got: new Map() }
      this.#stands.set(name, stand)
    }
    return stand
  }

  /** The answer of a send; `isVisible` may come true later. */
  written(life: TopicLife, partition: number, offset: number, value: string): Written {
    const written = { value, isVisible: false, mayBeVisible: false }
    this.#stand(life.topic, life.number, partition).written.set(offset, written)
    return written
  }

  delivered(life: TopicLife, partition: number, groupId: string, delivery: Delivery): void {
    const stand = this.#stand(life.topic, life.number, partition)
    stand.deliveries.push(delivery)
    const got = stand.got.get(groupId) ?? new Set()
    got.add(delivery.offset)
    stand.got.set(groupId, got)
  }

  /** A member was given nothing of these offsets, and what follows them. */
  passed(life: TopicLife, partition: number, gap: Gap): void {
    if (gap.to > gap.from) this.#stand(life.topic, life.number, partition).gaps.push(gap)
  }

  /** Behind the last record that readers have to get; 0 without any. */
  visibleEnd(life: TopicLife, partition: number): number {
    return endOf(this.#stand(life.topic, life.number, partition))
  }

  /** The same of every partition of every topic. */
  visibleEnds(): ReadonlyMap<string, number> {
    return new Map([...this.#stands.values()].map((stand) => [stand.name, endOf(stand)]))
  }

  /** `reach`: from where on each group gets everything, and how far it came in the end. */
  judge(groupIds: readonly string[], reach: (groupId: string, stand: string) => Reach): string[] {
    return [...this.#stands.values()].flatMap((stand) => [
      ...stand.deliveries.flatMap((delivery) => wrongDelivery(stand, delivery)),
      ...stand.gaps.flatMap((gap) => skipped(stand, gap)),
      ...groupIds.flatMap((groupId) => missing(stand, groupId, reach(groupId, stand.name))),
    ])
  }
}

function endOf({ written }: Stand): number {
  let end = 0
  for (const [offset, { isVisible }] of written) if (isVisible && offset >= end) end = offset + 1
  return end
}

function wrongDelivery({ name, written }: Stand, { by, offset, value }: Delivery): string[] {
  const known = written.get(offset)
  if (known === undefined) return []
  const isAllowed = known.isVisible || known.mayBeVisible
  if (known.value === value && isAllowed) return []
  const what = isAllowed ? `${known.value} stands there` : 'it was never committed'
  return [`${by} got ${value} at ${offset} of ${name}, and ${what}`]
}

function skipped({ name, written }: Stand, { by, from, to }: Gap): string[] {
  for (let offset = from; offset < to; offset++) {
    if (written.get(offset)?.isVisible === true)
      return [`${by} was not given ${offset} of ${name}, but what follows it`]
  }
  return []
}

function missing({ name, written, got }: Stand, groupId: string, { from, to: end }: Reach): string[] {
  const lost = [...written].find(([offset, { isVisible }]) => {
    return isVisible && offset >= from && offset < end && got.get(groupId)?.has(offset) !== true
  })
  return lost === undefined ? [] : [`nobody of ${groupId} got ${lost[0]} of ${name}, and ${end} is committed`]
}
