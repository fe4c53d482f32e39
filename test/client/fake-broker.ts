import type { AdminSession } from '../../bindings/broker/admin-session.ts'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { ConsumerSession, ConsumerSessionOptions } from '../../bindings/broker/consumer-session.ts'
import type { AppendRequest, ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { FetchedBatch, ReaderSession } from '../../bindings/broker/reader-session.ts'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import type { TopicFacts } from '../../bindings/broker/topic-facts.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { recordAlone } from '../../bindings/engine/remote/fetched-list.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { Position, TopicPartition } from '../../bindings/model/positions.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { FakeAdmin } from './fake-admin.ts'
import { FakePartition, type PlainAppend } from './fake-partition.ts'
import { FakeProducer, LendingProducer } from './fake-producer.ts'
import { FakeConsumer, type FakeGroup, FakeReader } from './fake-readers.ts'

/**
 * What happens to one append besides its being served:
 * - `lose`: written, but the answer is lost; the producer gets a retriable error
 * - `drop`: not written; the producer gets a retriable error
 * - `refuse`: not written; this error. `fail`: written, and this error all the same
 * - `hold`: served at its turn, answered when the promise resolves
 */
export type Fault =
  | { readonly kind: 'lose' | 'drop' }
  | { readonly kind: 'refuse' | 'fail'; readonly error: LogError }
  | { readonly kind: 'hold'; readonly until: Promise<void> }

export class FakeBroker implements Broker {
  readonly guarantees = { durability: 'memory', embedded: true } as const
  readonly topics: Map<string, { facts: TopicFacts; readonly partitions: FakePartition[] }> = new Map()
  readonly groups: Map<string, FakeGroup> = new Map()
  readonly waiting: Set<() => void> = new Set()
  readonly appends: PlainAppend[] = []
  readonly committed: { readonly offsets: readonly Position[]; readonly generation: number }[] = []
  /** Records of each append that was taken without copies, and whether the next one is. */
  readonly borrowed: number[] = []
  borrows: () => boolean = () => false
  /** It stands for a log in another process: nothing can be lent to it. Records of each append that came packed. */
  isElsewhere = false
  readonly packed: number[] = []
  fetches = 0
  epochsBumped = 0
  producersClosed = 0
  /** How an append goes, asked once for each. */
  fault: (request: AppendRequest, count: number) => Fault | undefined = () => undefined
  bumpError: LogError | undefined
  /** What producers know of topics though it isn't so any more: until they ask anew, as in a process that is attached. */
  readonly outdated: Map<string, TopicFacts> = new Map()
  /** Topics are answered a turn later, as a cluster would. */
  answersLater = false
  readonly port: RuntimePort
  readonly admin: AdminSession
  #producers = 0
  #topics = 0
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
      facts: { topic, topicId: `id-${topic}-${++this.#topics}`, partitions, config },
      partitions: Array.from({ length: partitions }, () => new FakePartition()),
    })
  }

  facts(topic: string): TopicFacts {
    const found = this.topics.get(topic)?.facts
    if (found === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${topic}"`, { topic })
    return found
  }

  partition({ topic, partition }: TopicPartition): FakePartition {
    const { partitions } = this.facts(topic)
    const found = this.topics.get(topic)?.partitions[partition]
    const details = { topic, partition, partitions }
    if (found === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no ${topic}-${partition}`, details)
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
    const id = this.#producers++
    return this.isElsewhere ? new FakeProducer(this, id) : new LendingProducer(this, id)
  }

  /** Transactions are tested over the engine (transaction.test.ts). */
  async openTransactionalProducer(): Promise<TransactionalSession> {
    throw new LogError('INVALID_REQUEST', 'the fake broker knows no transactions')
  }

  assertOpen(): void {
    if (this.isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
  }

  group(groupId: string): FakeGroup {
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
