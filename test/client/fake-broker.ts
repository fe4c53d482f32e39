import type { AdminSession } from '../../bindings/broker/admin-session.ts'
import type { Broker } from '../../bindings/broker/broker.ts'
import type {
  ConsumerSession,
  ConsumerSessionOptions,
  JoinedGroup,
  MemberAssignment,
} from '../../bindings/broker/consumer-session.ts'
import type { AppendRequest, AppendResult, ProducerSession } from '../../bindings/broker/producer-session.ts'
import type {
  FetchedBatch,
  FetchedPartition,
  FetchRequest,
  ReaderSession,
} from '../../bindings/broker/reader-session.ts'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import type { TopicFacts } from '../../bindings/broker/topic-facts.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { recordAlone } from '../../bindings/engine/remote/record-list.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { Position, TopicPartition } from '../../bindings/model/positions.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { FakePartition, type PlainAppend, plainAppend } from './fake-partition.ts'

/**
 * What happens to one append besides its being served:
 * - `lose`: written, but the answer is lost; the producer hears of a retriable error
 * - `drop`: not written, the producer hears of a retriable error
 * - `refuse`: not written, this error; `fail`: written, and this error all the same
 * - `hold`: served at its turn, answered when the promise resolves
 */
export type Fault =
  | { readonly kind: 'lose' | 'drop' }
  | { readonly kind: 'refuse' | 'fail'; readonly error: LogError }
  | { readonly kind: 'hold'; readonly until: Promise<void> }

interface Group {
  generation: number
  member: FakeConsumer | undefined
  readonly offsets: Map<string, Position>
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export class FakeBroker implements Broker {
  readonly guarantees = { durability: 'memory', embedded: true } as const
  readonly topics: Map<string, { facts: TopicFacts; readonly partitions: FakePartition[] }> = new Map()
  readonly groups: Map<string, Group> = new Map()
  readonly waiting: Set<() => void> = new Set()
  readonly appends: PlainAppend[] = []
  readonly committed: { readonly offsets: readonly Position[]; readonly generation: number }[] = []
  fetches = 0
  epochsBumped = 0
  producersClosed = 0
  /** How an append goes, asked once for each. */
  fault: (request: AppendRequest, count: number) => Fault | undefined = () => undefined
  bumpError: LogError | undefined
  /** Topics are answered a turn later, as a cluster would. */
  answersLater = false
  readonly port: RuntimePort
  readonly admin: AdminSession
  #producers = 0
  isClosed = false

  constructor(port: RuntimePort, topics: Record<string, number | { partitions: number; config: TopicConfig }> = {}) {
    this.port = port
    this.admin = new FakeAdmin(this)
    for (const [topic, shape] of Object.entries(topics)) {
      const { partitions, config } = typeof shape === 'number' ? { partitions: shape, config: {} } : shape
      this.create(topic, partitions, config)
    }
  }

  create(topic: string, partitions: number, config: TopicConfig): void {
    if (this.topics.has(topic)) throw new LogError('TOPIC_ALREADY_EXISTS', `"${topic}" exists`)
    this.topics.set(topic, {
      facts: { topic, topicId: `id-${topic}`, partitions, config },
      partitions: Array.from({ length: partitions }, () => new FakePartition()),
    })
  }

  facts(topic: string): TopicFacts {
    const found = this.topics.get(topic)?.facts
    if (found === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${topic}"`, { topic })
    return found
  }

  partition({ topic, partition }: TopicPartition): FakePartition {
    const found = this.topics.get(topic)?.partitions[partition]
    if (found === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no ${topic}-${partition}`, { topic })
    return found
  }

  /** Values of a partition, as text. */
  texts(topic: string, partition = 0): string[] {
    return this.partition({ topic, partition }).texts()
  }

  write(topic: string, values: readonly (string | null)[], partition = 0, timestamp: number = this.port.now()): void {
    const records = values.map((value) => ({ key: null, value, timestamp, headers: undefined }))
    this.partition({ topic, partition }).write(records, timestamp)
    this.moved()
  }

  moved(): void {
    for (const look of [...this.waiting]) look()
  }

  async openProducer(): Promise<ProducerSession> {
    this.assertOpen()
    return new FakeProducer(this, this.#producers++)
  }

  /** Transactions are tested over the engine (transaction.test.ts). */
  async openTransactionalProducer(): Promise<TransactionalSession> {
    throw new LogError('INVALID_REQUEST', 'the fake broker knows no transactions')
  }

  assertOpen(): void {
    if (this.isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
  }

  group(groupId: string): Group {
    let group = this.groups.get(groupId)
    if (group === undefined) {
      group = { generation: 0, member: undefined, offsets: new Map() }
      this.groups.set(groupId, group)
    }
    return group
  }

  async openConsumer({ groupId, topics }: ConsumerSessionOptions): Promise<ConsumerSession> {
    this.assertOpen()
    return new FakeConsumer(this, this.group(groupId), topics)
  }

  /** As after maxPollIntervalMs without a poll. */
  expel(groupId: string): void {
    const group = this.group(groupId)
    group.member?.wake()
    group.member = undefined
  }

  find(topic: string, partition: number, offset: number): FetchedBatch | undefined | Promise<FetchedBatch | undefined> {
    const { batches, endOffset, logStartOffset } = this.partition({ topic, partition })
    if (offset < logStartOffset || offset >= endOffset) throw new LogError('OFFSET_OUT_OF_RANGE', `not ${offset}`)
    const batch = batches.find((each) => each.baseOffset <= offset && offset < each.nextOffset)
    const record = batch && recordAlone(batch, offset)
    return this.answersLater ? Promise.resolve(record) : record
  }

  openShare(): Promise<never> {
    return Promise.reject(new Error('no share groups here'))
  }

  openReader(): ReaderSession {
    return new FakeReader(this)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.moved()
  }
}

class FakeProducer implements ProducerSession {
  producerEpoch = 0
  readonly producerId: number
  readonly #broker: FakeBroker

  constructor(broker: FakeBroker, producerId: number) {
    this.#broker = broker
    this.producerId = producerId
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    if (!this.#broker.answersLater) return this.#broker.facts(name)
    return new Promise((resolve) => setImmediate(resolve)).then(() => this.#broker.facts(name))
  }

  async append(asked: AppendRequest): Promise<AppendResult> {
    const request = plainAppend(asked)
    this.#broker.assertOpen()
    const fault = this.#broker.fault(request, this.#broker.appends.length)
    this.#broker.appends.push(request)
    const appendTime = this.#broker.port.now()
    // As in the log: whatever is wrong with a batch, its duplicate was written.
    if (fault?.kind === 'refuse' && !this.#broker.partition(request).isRepeated(this.producerId, request))
      throw fault.error
    if (fault?.kind === 'drop') throw new LogError('MEMORY_CAP_REACHED', 'dropped')
    const baseOffset = this.#broker.partition(request).append(this.producerId, request, appendTime)
    this.#broker.moved()
    if (fault?.kind === 'fail') throw fault.error
    if (fault?.kind === 'lose') throw new LogError('MEMORY_CAP_REACHED', 'the answer is lost')
    if (fault?.kind === 'hold') await fault.until
    return { baseOffset, appendTime }
  }

  async bumpEpoch(): Promise<void> {
    this.#broker.epochsBumped++
    if (this.#broker.bumpError !== undefined) throw this.#broker.bumpError
    this.producerEpoch++
  }

  async close(): Promise<void> {
    this.#broker.producersClosed++
  }
}

class FakeReader implements ReaderSession {
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
class FakeConsumer extends FakeReader implements ConsumerSession {
  readonly #group: Group
  readonly #topics: readonly string[]

  constructor(broker: FakeBroker, group: Group, topics: readonly string[]) {
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
    return at.map((place) => this.#group.offsets.get(keyOf(place))?.nextOffset)
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

class FakeAdmin implements AdminSession {
  readonly #broker: FakeBroker

  constructor(broker: FakeBroker) {
    this.#broker = broker
  }

  async backup(): Promise<void> {}

  async createTopic(name: string, { partitions, config }: { partitions: number; config: TopicConfig }): Promise<void> {
    this.#broker.create(name, partitions, config)
  }

  async deleteTopic(name: string): Promise<void> {
    this.#broker.facts(name)
    this.#broker.topics.delete(name)
    this.#broker.moved()
  }

  async listTopics(): Promise<readonly string[]> {
    return [...this.#broker.topics.keys()].sort()
  }

  async describeTopic(name: string): Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  async createPartitions(name: string, totalCount: number): Promise<void> {
    const topic = this.#broker.topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    while (topic.partitions.length < totalCount) topic.partitions.push(new FakePartition())
    topic.facts = { ...topic.facts, partitions: totalCount }
  }

  async alterConfig(
    name: string,
    changes: { readonly [key: string]: string | number | boolean | null },
  ): Promise<void> {
    const topic = this.#broker.topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    topic.facts = { ...topic.facts, config: { ...topic.facts.config, ...changes } as TopicConfig }
  }

  async offsets(at: readonly TopicPartition[]) {
    return at.map((place) => {
      const { logStartOffset, endOffset, lastStableOffset } = this.#broker.partition(place)
      return { ...place, logStartOffset, highWatermark: endOffset, lastStableOffset: lastStableOffset ?? endOffset }
    })
  }

  async offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number) {
    return at.map((place) => {
      for (const batch of this.#broker.partition(place).batches) {
        for (let index = 0; index < batch.recordCount; index++) {
          if (batch.timestampOf(index) >= timestamp) return batch.offsetOf(index)
        }
      }
      return undefined
    })
  }

  async listGroups() {
    return [...this.#broker.groups].map(([groupId, { generation, member, offsets }]) => ({
      groupId,
      state: member === undefined ? ('Empty' as const) : ('Stable' as const),
      generation,
      members: member === undefined ? 0 : 1,
      offsets: [...offsets.values()],
    }))
  }

  async setOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    for (const position of positions) this.#broker.group(groupId).offsets.set(keyOf(position), position)
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#broker.groups.delete(groupId)
  }

  async deleteRecords(): Promise<never> {
    throw new Error('not faked')
  }

  // Of these the fake knows nothing: they are tested over the engine (admin-transactions.test.ts, share-admin.test.ts).
  async describeGroup(): Promise<never> {
    throw this.#unknown()
  }

  async listShareGroups(): Promise<never> {
    throw this.#unknown()
  }

  async startShareGroup(): Promise<never> {
    throw this.#unknown()
  }

  async deleteShareGroup(): Promise<never> {
    throw this.#unknown()
  }

  async listTransactions(): Promise<never> {
    throw this.#unknown()
  }

  async describeProducers(): Promise<never> {
    throw this.#unknown()
  }

  async abortTransaction(): Promise<never> {
    throw this.#unknown()
  }

  async fenceProducer(): Promise<never> {
    throw this.#unknown()
  }

  #unknown(): LogError {
    return new LogError('INVALID_REQUEST', 'the fake broker knows no transactions')
  }
}
