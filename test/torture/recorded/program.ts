import type { Producer } from '../../../bindings/client/producer/producer-type.ts'
import { type EmbeddedLog, open } from '../../../bindings/entry/node.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What the program knows, in the order in which it came to know it. */
export type Fact =
  /** From here on it may be seen. */
  | { readonly kind: 'asked'; readonly values: readonly string[] }
  /** From here on it must be. */
  | ({ readonly kind: 'acknowledged'; readonly value: string } & Place)
  | { readonly kind: 'created' | 'deleting' | 'deleted'; readonly topic: string }

const PARTITIONS = 3
/** Small: rolls and directories that change while others sync them. */
const SEGMENT_BYTES = 65_536
/** More than a frame takes: the segment is synced. */
const LARGE_BYTES = 300_000

/** Uses a log in a directory in all ways that write, many things at a time. */
export class Program {
  readonly facts: Fact[] = []
  readonly #directory: string
  readonly #random: Random
  #log: EmbeddedLog | undefined
  #numbers = 0

  constructor(directory: string, random: Random) {
    this.#directory = directory
    this.#random = random
  }

  get #open(): EmbeddedLog {
    if (this.#log === undefined) throw new Error('the log is closed')
    return this.#log
  }

  async run(rounds: number): Promise<void> {
    this.#log = await open(this.#directory)
    for (const topic of ['a', 'b']) await this.#create(topic)
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: 1 + this.#random.below(4) }, () => this.#step()))
      if (this.#random.chance(0.04)) await this.#restart()
    }
    await this.#open.close()
  }

  async #restart(): Promise<void> {
    await this.#open.close()
    this.#log = await open(this.#directory)
  }

  #step(): Promise<void> {
    const draw = this.#random.unit()
    if (draw < 0.3) return this.#send(this.#topic(), 1 + this.#random.below(40), 300)
    if (draw < 0.5) return this.#sendEach(20)
    if (draw < 0.6) return this.#sendUnflushed()
    if (draw < 0.85) return this.#transact()
    if (draw < 0.92) return this.#send('b', 1, LARGE_BYTES)
    return this.#passing()
  }

  #value(sizeBytesMax: number): string {
    return `${this.#numbers++} ${'.'.repeat(this.#random.below(sizeBytesMax))}`
  }

  #topic(): string {
    return this.#random.chance(0.7) ? 'a' : 'b'
  }

  async #send(topic: string, count: number, sizeBytesMax: number): Promise<void> {
    const values = Array.from({ length: count }, () => this.#value(sizeBytesMax))
    await this.#acknowledge(this.#open.producer(), topic, values)
  }

  async #sendEach(count: number): Promise<void> {
    const producer = this.#open.producer()
    const sends = Array.from({ length: count }, () => this.#acknowledge(producer, this.#topic(), [this.#value(50)]))
    await Promise.all(sends)
  }

  async #acknowledge(producer: Producer, topic: string, values: readonly string[]): Promise<void> {
    const partition = this.#random.below(PARTITIONS)
    this.facts.push({ kind: 'asked', values })
    const answers = await producer.send(values.map((value) => ({ topic, partition, value })))
    answers.forEach(({ offset }, index) => {
      this.facts.push({ kind: 'acknowledged', topic, partition, offset, value: values[index] as string })
    })
  }

  /** Nothing of it has to be there. */
  async #sendUnflushed(): Promise<void> {
    const value = this.#value(100)
    this.facts.push({ kind: 'asked', values: [value] })
    await this.#open.producer({ acks: 1 }).send({ topic: this.#topic(), value })
  }

  async #transact(): Promise<void> {
    const producer = this.#open.producer({ transactionalId: `id-${this.#numbers++}` })
    const transaction = await producer.beginTransaction()
    const sent: ({ value: string } & Place)[] = []
    for (let count = 1 + this.#random.below(4); count > 0; count--) {
      const [topic, partition, value] = [this.#topic(), this.#random.below(PARTITIONS), this.#value(600)]
      const { offset } = await transaction.send({ topic, partition, value })
      sent.push({ topic, partition, offset, value })
    }
    if (this.#random.chance(0.2)) {
      await transaction.abort()
    } else {
      this.facts.push({ kind: 'asked', values: sent.map(({ value }) => value) })
      await transaction.commit()
      this.facts.push(...sent.map((each) => ({ kind: 'acknowledged' as const, ...each })))
    }
    await producer.close()
  }

  /** A topic with a record, and mostly its end. */
  async #passing(): Promise<void> {
    const topic = `passing-${this.#numbers++}`
    await this.#create(topic)
    await this.#acknowledge(this.#open.producer(), topic, [this.#value(10)])
    if (this.#random.chance(0.3)) return
    this.facts.push({ kind: 'deleting', topic })
    await this.#open.admin.deleteTopic(topic)
    this.facts.push({ kind: 'deleted', topic })
  }

  async #create(topic: string): Promise<void> {
    const config = { 'segment.bytes': SEGMENT_BYTES * (topic === 'b' ? 16 : 1) }
    await this.#open.admin.createTopic(topic, { partitions: PARTITIONS, config })
    this.facts.push({ kind: 'created', topic })
  }
}
