import type { ConsumerSession, JoinedGroup, MemberAssignment } from '../../bindings/broker/consumer-session.ts'
import type { FetchedPartition, FetchRequest, ReaderSession } from '../../bindings/broker/reader-session.ts'
import type { TopicFacts } from '../../bindings/broker/topic-facts.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { Position, TopicPartition } from '../../bindings/model/positions.ts'
import type { FakeBroker } from './fake-broker.ts'

export interface FakeGroup {
  generation: number
  member: FakeConsumer | undefined
  readonly offsets: Map<string, Position>
}

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export class FakeReader implements ReaderSession {
  protected readonly broker: FakeBroker
  #end: (() => void) | undefined

  constructor(broker: FakeBroker) {
    this.broker = broker
  }

  topic(name: string): TopicFacts {
    return this.broker.facts(name)
  }

  protected assertMember(): void {}

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    this.assertMember()
    this.broker.fetches++
    let isWoken = false
    for (;;) {
      this.broker.assertOpen()
      const parts = this.#read(request)
      const hasMoved = parts.some((part, index) => {
        return part.error !== undefined || part.nextOffset !== request.positions[index]?.nextOffset
      })
      if (hasMoved || isWoken || !request.wait) return parts
      await new Promise<void>((resolve) => {
        const done = () => {
          this.broker.waiting.delete(done)
          resolve()
        }
        this.broker.waiting.add(done)
        this.#end = () => {
          isWoken = true
          done()
        }
      })
      this.assertMember()
    }
  }

  #read({ positions, isolationLevel, maxBytes }: FetchRequest): FetchedPartition[] {
    let room = maxBytes
    return positions.map(({ topic, partition, nextOffset }) => {
      const none = { topic, partition, batches: [], nextOffset, logStartOffset: 0, endOffset: 0 }
      if (!this.broker.topics.has(topic)) {
        return { ...none, error: new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'deleted') }
      }
      const found = this.broker.partition({ topic, partition })
      const { logStartOffset, endOffset: highWatermark, lastStableOffset } = found
      const endOffset = isolationLevel === 'read_committed' ? (lastStableOffset ?? highWatermark) : highWatermark
      if (nextOffset < logStartOffset || nextOffset > highWatermark) {
        const error = new LogError('OFFSET_OUT_OF_RANGE', `${nextOffset} is out of range`, {
          logStartOffset,
          endOffset,
        })
        return { ...none, error }
      }
      const batches = found.batches.filter((batch) => batch.nextOffset > nextOffset && batch.nextOffset <= endOffset)
      const taken = batches.slice(0, Math.max(room > 0 ? 1 : 0, Math.floor(room / 100)))
      room -= taken.length * 100
      const next = taken.at(-1)?.nextOffset ?? nextOffset
      return { ...none, batches: taken, nextOffset: next, logStartOffset, endOffset, error: undefined }
    })
  }

  wake(): void {
    this.#end?.()
    this.#end = undefined
  }

  async close(): Promise<void> {
    this.wake()
  }
}

/** A group of the fake has one member: it leads every generation. */
export class FakeConsumer extends FakeReader implements ConsumerSession {
  readonly #group: FakeGroup
  readonly #topics: readonly string[]

  constructor(broker: FakeBroker, group: FakeGroup, topics: readonly string[]) {
    super(broker)
    this.#group = group
    this.#topics = topics
  }

  async join(owned: readonly TopicPartition[]): Promise<JoinedGroup> {
    if (this.#group.member !== undefined && this.#group.member !== this) throw new Error('a second member')
    this.#group.member = this
    const members = [{ memberId: 'fake', topics: this.#topics, owned }]
    return { generation: ++this.#group.generation, assignor: 'range', members }
  }

  async sync(_generation: number, assignments: readonly MemberAssignment[]): Promise<readonly TopicPartition[]> {
    return assignments[0]?.partitions ?? []
  }

  protected override assertMember(): void {
    if (this.#group.member !== this) throw new LogError('UNKNOWN_MEMBER_ID', 'this member has left')
  }

  onRebalance(): void {}

  async committed(at: readonly TopicPartition[]): Promise<readonly (number | undefined)[]> {
    return at.map((place) => {
      this.broker.partition(place)
      return this.#group.offsets.get(keyOf(place))?.nextOffset
    })
  }

  async commit(offsets: readonly Position[], generation: number): Promise<void> {
    this.assertMember()
    if (generation !== this.#group.generation) throw new LogError('ILLEGAL_GENERATION', 'the group moved on')
    this.broker.committed.push({ offsets, generation })
    for (const position of offsets) {
      const { topic, partition, nextOffset } = position
      this.#group.offsets.set(keyOf(position), { topic, partition, nextOffset })
    }
  }

  override async close(): Promise<void> {
    if (this.#group.member === this) this.#group.member = undefined
    this.wake()
  }
}
