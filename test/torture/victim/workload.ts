import type { BrokerLog } from '../../../bindings/client/log.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { LedgerWriter, Proof } from '../ledger.ts'
import { BALLAST, KEYS, PARTITIONS, TOPICS } from './topics.ts'

/** Sends on their way at a time. */
const WINDOW = 4
const LARGE_EACH = 40
/** Larger than what a frame takes: its batch goes by an extent. */
const LARGE_BYTES = 18_000
/** The engine's clock runs fast, and nobody polls too rarely here. */
const NEVER_MS = 1_000_000_000

export interface WorkloadOptions {
  readonly name: string
  readonly slot: number
  readonly seed: number
  readonly ballastBytes?: number | undefined
}

/**
 * A program that writes in every way there is, for as long as it lives, and notes what it was told. Values are `name
 * number`, counted for each topic and partition.
 */
export class Workload {
  readonly #log: BrokerLog
  readonly #ledger: LedgerWriter
  readonly #name: string
  readonly #slot: number
  readonly #ballastBytes: number
  readonly #random: Random
  /** Two sends without end begin at once; one that begins anew has a name of its own, and counts from the first on. */
  #begun = 0
  #keyed = 0
  /** Goes on where an aborted one ended. */
  #transactions = 0
  #isEnding = false

  constructor(log: BrokerLog, ledger: LedgerWriter, { name, slot, seed, ballastBytes = 0 }: WorkloadOptions) {
    this.#ballastBytes = ballastBytes
    this.#log = log
    this.#ledger = ledger
    this.#name = name
    this.#slot = slot
    this.#random = new Random(seed)
  }

  /** Every call from now on may find the log closed. */
  end(): void {
    this.#isEnding = true
  }

  async run(): Promise<void> {
    await this.#createTopics()
    if (this.#ballastBytes > 0) await this.#takeBallast()
    const works = [
      () => this.#send('plain', 'all', 'power'),
      () => this.#send('relaxed', 1, 'process'),
      () => this.#sendKeys(),
      () => this.#transact(),
      () => this.#copy(),
      () => this.#read(),
    ]
    await Promise.all(works.map((work) => this.#again(work)))
  }

  /** What a takeover or a fencing ended begins anew. */
  async #again(work: () => Promise<void>): Promise<void> {
    while (!this.#isEnding) {
      try {
        await work()
      } catch (error) {
        if (!LogError.is(error)) throw error
        if (this.#isEnding) return
        this.#ledger.tell({ refused: error.code })
        if (LogError.is(error, 'STORAGE_FULL')) await this.#makeRoom()
        if (!['retriable', 'abortable', 'rejoin', 'fenced'].includes(error.category)) throw error
      }
      await pause(2)
    }
  }

  async #takeBallast(): Promise<void> {
    if ((await this.#log.admin.listTopics()).includes(BALLAST)) return
    await this.#log.admin.createTopic(BALLAST)
    const producer = this.#log.producer({ acks: 1 })
    const value = new Uint8Array(LARGE_BYTES)
    for (let left = this.#ballastBytes; left > 0; left -= LARGE_BYTES) await producer.send({ topic: BALLAST, value })
    await producer.close()
  }

  async #makeRoom(): Promise<void> {
    try {
      await this.#log.admin.deleteTopic(BALLAST)
      this.#ledger.tell({ freed: true })
    } catch (error) {
      // There is none any more.
      if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    }
  }

  /** Others may do it at the same time, or have been killed in the middle. */
  async #createTopics(): Promise<void> {
    for (const [name, { partitions, config }] of Object.entries(TOPICS)) {
      for (;;) {
        if ((await this.#log.admin.listTopics()).includes(name)) break
        try {
          await this.#log.admin.createTopic(name, { partitions, config })
        } catch (error) {
          if (!LogError.is(error, 'TOPIC_ALREADY_EXISTS', 'NETWORK_EXCEPTION')) throw error
        }
      }
    }
  }

  async #send(topic: 'plain' | 'relaxed', acks: 'all' | 1, proof: Proof): Promise<void> {
    const producer = this.#log.producer({ acks })
    const name = this.#begun++ < 2 ? this.#name : `${this.#name}~${this.#begun}`
    const sending: Promise<void>[] = []
    for (let number = 0; !this.#isEnding; number++) {
      const partition = number % PARTITIONS
      const value = `${name} ${Math.floor(number / PARTITIONS)}`
      const bytes = value.padEnd(number % LARGE_EACH === LARGE_EACH - 1 ? LARGE_BYTES : 24)
      const sent = producer
        .send({ topic, partition, value: bytes })
        .then(({ offset }) => this.#ledger.tell({ at: topic, partition, offset, value, how: proof }))
        .catch((error: unknown) => {
          this.#ledger.tell({ unsent: topic, partition, value })
          throw error
        })
      sending.push(handled(sent))
      if (sending.length === WINDOW) await sending.shift()
      // Without it these leave nothing of the time to the others.
      if (acks === 1 || number % 16 === 15) await pause(1)
    }
    await Promise.all(sending)
  }

  async #sendKeys(): Promise<void> {
    const producer = this.#log.producer()
    for (; !this.#isEnding; this.#keyed++) {
      const key = `${this.#slot}/${this.#random.below(KEYS)}`
      const value = `${this.#name} ${this.#keyed}`
      const records = Array.from({ length: 8 }, (_, at) => ({ topic: 'latest', key, value: `${value}.${at}` }))
      await producer.send(records)
      this.#ledger.tell({ key, value: `${value}.7` })
    }
  }

  async #transact(): Promise<void> {
    const producer = this.#log.producer({ transactionalId: `both ${this.#slot}`, transactionTimeoutMs: 900_000 })
    while (!this.#isEnding) {
      const value = `${this.#name} ${this.#transactions++}`
      await producer.transaction(async (transaction) => {
        const sending = handled(transaction.send([0, 1].map((partition) => ({ topic: 'both', partition, value }))))
        if (this.#random.chance(0.2)) await pause(this.#random.below(4))
        await sending
      })
      this.#ledger.tell({ transaction: value })
    }
  }

  /** Input in, output out, offsets with it, and a line of how many these were. */
  async #copy(): Promise<void> {
    const consumer = this.#log.consumer({ groupId: 'copiers', topics: ['plain'], maxPollIntervalMs: NEVER_MS })
    const producer = this.#log.producer({ transactionalId: `copy ${this.#slot}`, transactionTimeoutMs: 900_000 })
    try {
      for await (const batch of consumer.batches({ maxRecords: 1 + this.#random.below(30) })) {
        const { partition } = batch
        const values = [...batch].map((record) => this.#seen('plain', record))
        await producer.transaction(async (transaction) => {
          const told = transaction.sendOffsets(consumer, batch)
          const count = { topic: 'counts', partition, value: `${values.length}` }
          await Promise.all([
            told,
            transaction.send([...values.map((value) => ({ topic: 'copied', partition, value })), count]),
          ])
        })
      }
    } finally {
      consumer.close().catch(() => {})
      producer.close().catch(() => {})
    }
  }

  async #read(): Promise<void> {
    const consumer = this.#log.consumer({ groupId: 'readers', topics: ['both'], maxPollIntervalMs: NEVER_MS })
    try {
      for await (const batch of consumer.batches({ maxRecords: 20 })) {
        for (const record of batch) this.#seen('both', record)
        await consumer.commit(batch)
        this.#ledger.tell({ committed: batch.nextOffset, partition: batch.partition })
      }
    } finally {
      consumer.close().catch(() => {})
    }
  }

  #seen(
    at: string,
    { partition, offset, value }: { partition: number; offset: number; value: Uint8Array | null },
  ): string {
    const text = textOf(value)
    this.#ledger.tell({ at, partition, offset, value: text, how: 'seen' })
    return text
  }
}

/** Awaited later: until then nobody may hear of its failure. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

/** Without what fills it up. */
export function textOf(value: Uint8Array | null): string {
  return Buffer.from(value ?? [])
    .toString('latin1')
    .trimEnd()
}
