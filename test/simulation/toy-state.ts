import type {
  PartitionView,
  SeenRecord,
  SystemTopic,
} from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import type { Entry, ToyFault } from './toy-entries.ts'

interface ToyPartition {
  records: SeenRecord[]
  end: number
  start: number
  ceiling: number
}

interface Taken {
  readonly baseSequence: number
  readonly count: number
  readonly baseOffset: number
}

/** What the entries of a toy log add up to. */
export class ToyState {
  readonly #faults: ReadonlySet<ToyFault>
  readonly #topics = new Map<string, SystemTopic>()
  readonly #partitions = new Map<string, ToyPartition>()
  readonly #committed = new Map<string, number>()
  readonly #windows = new Map<string, Taken[]>()
  idsEnd = 0

  constructor(faults: ReadonlySet<ToyFault>) {
    this.#faults = faults
  }

  apply(entry: Entry): void {
    if (entry.kind === 'topic') this.#topics.set(entry.topicId, entry)
    else if (entry.kind === 'drop') this.#topics.delete(entry.topicId)
    else if (entry.kind === 'ids') this.idsEnd = Math.max(this.idsEnd, entry.end)
    else if (entry.kind === 'ceiling') this.#partition(entry.topicId, entry.partition).ceiling = entry.ceiling
    else if (entry.kind === 'commit') this.#committed.set(this.#commitKey(entry), entry.nextOffset)
    else if (entry.kind === 'start') {
      const partition = this.#partition(entry.topicId, entry.partition)
      partition.start = entry.before
      partition.records = partition.records.filter(({ offset }) => offset >= entry.before)
    } else this.#take(entry)
  }

  #take({ topicId, partition, baseOffset, values, producerId, baseSequence }: Extract<Entry, { kind: 'data' }>): void {
    const data = this.#partition(topicId, partition)
    for (const [at, value] of values.entries()) data.records.push({ offset: baseOffset + at, value })
    data.end = baseOffset + values.length
    const key = `${producerId}/${topicId}/${partition}`
    const window = this.#windows.get(key) ?? []
    window.push({ baseSequence, count: values.length, baseOffset })
    this.#windows.set(key, window.slice(-5))
  }

  /** After a replay: nobody knows what was shown below the ceilings, so offsets go on there. */
  opened(): void {
    if (this.#faults.has('window-forgotten')) this.#windows.clear()
    if (this.#faults.has('ceiling-ignored')) return
    for (const partition of this.#partitions.values()) partition.end = Math.max(partition.end, partition.ceiling)
  }

  topics(): readonly SystemTopic[] {
    return [...this.#topics.values()]
  }

  idOf(topic: string): string {
    return this.topics().find((each) => each.topic === topic)?.topicId ?? ''
  }

  end(topicId: string, partition: number): number {
    return this.#partition(topicId, partition).end
  }

  ceiling(topicId: string, partition: number): number {
    return this.#partition(topicId, partition).ceiling
  }

  sequenceOf(
    producerId: number,
    topicId: string,
    partition: number,
    baseSequence: number,
  ): { baseOffset: number | undefined; isNext: boolean } {
    const window = this.#windows.get(`${producerId}/${topicId}/${partition}`) ?? []
    const last = window.at(-1)
    return {
      baseOffset: window.find((taken) => taken.baseSequence === baseSequence)?.baseOffset,
      isNext: last === undefined || last.baseSequence + last.count === baseSequence,
    }
  }

  view(topicId: string, partition: number): PartitionView {
    const { records, end, start } = this.#partition(topicId, partition)
    return { logStartOffset: start, endOffset: end, records: [...records] }
  }

  committed(group: string, topicId: string, partition: number): number | undefined {
    return this.#committed.get(this.#commitKey({ group, topicId, partition }))
  }

  #commitKey({ group, topicId, partition }: { group: string; topicId: string; partition: number }): string {
    const owner = this.#faults.has('committed-survives-topic') ? this.#topics.get(topicId)?.topic : topicId
    return JSON.stringify([group, owner, partition])
  }

  #partition(topicId: string, partition: number): ToyPartition {
    // Without the topic's id a partition of a dead topic is taken for that of the living one.
    const owner = this.#faults.has('dead-topic-replayed') ? this.#topics.get(topicId)?.topic : topicId
    const key = `${owner}/${partition}`
    let found = this.#partitions.get(key)
    if (found === undefined) {
      found = { records: [], end: 0, start: 0, ceiling: 0 }
      this.#partitions.set(key, found)
    }
    return found
  }
}
