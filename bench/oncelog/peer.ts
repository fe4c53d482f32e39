import { bytes } from '../../bindings/client/topic/codec.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import {
  type Consumer,
  type EmbeddedLog,
  open,
  type Producer,
  type ProducerRecord,
  topic,
} from '../../bindings/entry/node.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import { WatchedStore } from './watched-store.ts'

const NAME = 'bench'
const GROUP_TOPIC = 'bench-group'
const GROUP_PARTITIONS = 4
const TOPICS = [
  topic(NAME, { key: bytes, value: bytes }),
  topic(GROUP_TOPIC, { key: bytes, value: bytes, partitions: GROUP_PARTITIONS }),
]
/** Of single reads: what the row allows. */
const CACHE_BYTES = 160 * 1024 * 1024
const NO_BYTES = new Uint8Array(0)

interface Variant {
  /** What goes to the disk is counted on the way. */
  readonly isWatched: boolean
}

/** The answer as a program awaits it: an async function around it would be measured too. */
function answerOf(sent: Promise<unknown>): Promise<void> {
  return sent as Promise<void>
}

/** oncelog by its public API, as a program uses it: one topic, `acks: 1` where a workload is relaxed. */
class OncelogPeer implements Peer {
  readonly checksReads: boolean = true
  readonly #variant: Variant
  readonly #records: Map<readonly BenchRecord[], readonly ProducerRecord[]> = new Map()
  readonly #singles: Map<BenchRecord, ProducerRecord> = new Map()
  readonly #producers: Producer[] = []
  readonly #stop: AbortController = new AbortController()
  #log!: EmbeddedLog
  #watched: WatchedStore | undefined
  #relaxed!: Producer
  #durable!: Producer
  #consumer: Consumer | undefined
  #following: Promise<void> | undefined

  constructor(variant: Variant) {
    this.#variant = variant
  }

  async open(directory: string, options: PeerOptions): Promise<void> {
    const topics = options.commit === 'group' ? TOPICS : TOPICS.slice(0, 1)
    if (this.#variant.isWatched) {
      this.#watched = new WatchedStore(createDirectoryStore(directory))
      this.#log = await openLog(this.#watched, nodePort, { topics, cacheBytes: CACHE_BYTES })
    } else {
      this.#log = await open(directory, { topics, cacheBytes: CACHE_BYTES })
    }
    this.#relaxed = this.#log.producer({ acks: 1 })
    this.#durable = this.#log.producer()
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): Promise<void> {
    return answerOf((durable ? this.#durable : this.#relaxed).send(this.#recordsOf(records)))
  }

  append(record: BenchRecord, producer: number): Promise<void> {
    return answerOf(this.#producer(producer).send(this.#recordOf(record, undefined)))
  }

  /** Records to each of the partitions, and the offset of a consumer, durable together. */
  async appendGroup(parts: readonly (readonly BenchRecord[])[], nextOffset: number): Promise<void> {
    this.#consumer ??= await this.#join()
    const records = parts.flatMap((part, partition) => part.map((record) => this.#recordOf(record, partition)))
    const position = { topic: GROUP_TOPIC, partition: 0, nextOffset }
    await Promise.all([this.#durable.send(records), this.#consumer.commit([position], { allowSkip: true })])
  }

  async #join(): Promise<Consumer> {
    const consumer = this.#log.consumer({ groupId: 'bench', topics: [GROUP_TOPIC] })
    await consumer.committed({ topic: GROUP_TOPIC, partition: 0 })
    return consumer
  }

  async scan(visit: Visit): Promise<number> {
    let records = 0
    for await (const batch of this.#log.read(NAME, { until: 'end' }).batches({ borrowed: true })) {
      for (const { key, value } of batch) visit(key ?? NO_BYTES, value ?? NO_BYTES)
      records += batch.size
    }
    return records
  }

  async read(offset: number, visit: Visit): Promise<void> {
    const record = await this.#log.get(NAME, { partition: 0, offset })
    visit(record?.key ?? NO_BYTES, record?.value ?? NO_BYTES)
  }

  async follow(visit: Visit): Promise<void> {
    const from = [{ topic: NAME, partition: 0, nextOffset: await this.nextOffset() }]
    this.#following = this.#follow(this.#log.read(NAME, { from, signal: this.#stop.signal }), visit)
  }

  async #follow(reader: ReturnType<EmbeddedLog['read']>, visit: Visit): Promise<void> {
    try {
      for await (const { key, value } of reader) visit(key as Uint8Array, value as Uint8Array)
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
  }

  async nextOffset(): Promise<number> {
    const [offsets] = await this.#log.admin.offsets([{ topic: NAME, partition: 0 }])
    return offsets?.highWatermark ?? 0
  }

  report(): Readonly<Record<string, number>> {
    return { ...this.#watched?.figures }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#following
    await this.#log.close()
  }

  #producer(index: number): Producer {
    this.#producers[index] ??= this.#log.producer()
    return this.#producers[index]
  }

  /** A program has its records in this form: made once, outside the clock for all but the first use of a batch. */
  #recordsOf(records: readonly BenchRecord[]): readonly ProducerRecord[] {
    let made = this.#records.get(records)
    if (made === undefined) {
      made = records.map(({ key, value }) => ({ topic: NAME, key, value }))
      this.#records.set(records, made)
    }
    return made
  }

  #recordOf(record: BenchRecord, partition: number | undefined): ProducerRecord {
    let made = this.#singles.get(record)
    if (made === undefined) {
      const { key, value } = record
      made = partition === undefined ? { topic: NAME, key, value } : { topic: GROUP_TOPIC, key, value, partition }
      this.#singles.set(record, made)
    }
    return made
  }
}

export function createPeer(variant: string): Peer {
  return new OncelogPeer({ isWatched: variant.includes('watched') })
}
