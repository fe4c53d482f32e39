import { bytes } from '../../bindings/client/topic/codec.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import {
  type Consumer,
  type EmbeddedLog,
  type IngestItem,
  open,
  type Producer,
  type ProducerRecord,
  store,
  type Topic,
  type TransactionalProducer,
  topic,
} from '../../bindings/entry/node.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import type { BenchRecord, Peer } from '../harness/peer.ts'
import { WatchedStore } from './watched-store.ts'

type Bytes<N extends string> = Topic<N, Uint8Array, Uint8Array, Uint8Array, Uint8Array>

const INPUT = 'input'
const PARTITIONS = 4
/** Each client of many reads a partition of its own, whose offset its transactions hold. */
const CLIENTS_MAX = 64

const input: Bytes<typeof INPUT> = topic(INPUT, { key: bytes, value: bytes })
const parts: Bytes<'parts'> = topic('parts', { key: bytes, value: bytes, partitions: PARTITIONS })
const offsets: Bytes<'offsets'> = topic('offsets', { key: bytes, value: bytes, partitions: CLIENTS_MAX })
const output: Bytes<'output'> = topic('output', { key: bytes, value: bytes })
const state: Bytes<'state'> = topic('state', { key: bytes, value: bytes, config: { 'cleanup.policy': 'compact' } })

/** What oncelog is for, by its public API: transactions, `process` with state, `ingest`. */
class ExactlyOncePeer implements Peer {
  readonly checksReads: boolean = true
  readonly #isWatched: boolean
  readonly #records: Map<BenchRecord, readonly ProducerRecord[]> = new Map()
  readonly #producers: TransactionalProducer[] = []
  #producer: Producer | undefined
  #watched: WatchedStore | undefined
  #log!: EmbeddedLog
  #consumer!: Consumer

  constructor(isWatched: boolean) {
    this.#isWatched = isWatched
  }

  async open(directory: string): Promise<void> {
    const topics = [input, parts, offsets, output, state]
    if (this.#isWatched) {
      this.#watched = new WatchedStore(createDirectoryStore(directory))
      this.#log = await openLog(this.#watched, nodePort, { topics })
    } else {
      this.#log = await open(directory, { topics })
    }
    this.#consumer = this.#log.consumer({ groupId: 'bench', topics: ['offsets'] })
    await this.#consumer.lag()
  }

  async appendBatch(records: readonly BenchRecord[]): Promise<void> {
    this.#producer ??= this.#log.producer()
    await this.#producer.send(records.map(({ key, value }) => ({ topic: INPUT, key, value })))
  }

  async appendGroup(groups: readonly (readonly BenchRecord[])[], nextOffset: number, client: number): Promise<void> {
    this.#producers[client] ??= this.#log.producer({ transactionalId: `client-${client}` })
    const records = groups.flatMap((group, partition) => group.map((record) => this.#recordOf(record, partition)))
    await this.#producers[client].transaction(async (transaction) => {
      const position = { topic: offsets.name, partition: client, nextOffset }
      await Promise.all([
        transaction.send(records),
        transaction.sendOffsets(this.#consumer, [position], { allowSkip: true }),
      ])
    })
  }

  /** A program has its records in this form: made once. */
  #recordOf(record: BenchRecord, partition: number): ProducerRecord {
    let made = this.#records.get(record)
    if (made === undefined) {
      const { key, value } = record
      made = Array.from({ length: PARTITIONS }, (_, each) => ({ topic: parts.name, key, value, partition: each }))
      this.#records.set(record, made)
    }
    return made[partition] as ProducerRecord
  }

  /** Each record goes on, and is the newest state of its key: as many changes of state as records. */
  async process(records: number): Promise<void> {
    let done = 0
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const processor = this.#log.process({
      groupId: 'processor',
      topics: [input],
      state: { newest: store(state) },
      handle: async ({ key, value }, context) => {
        const { newest } = context.state
        await newest.get(key as Uint8Array)
        newest.set(key as Uint8Array, value as Uint8Array)
        if (++done === records) finish()
        return output.record({ key, value })
      },
    })
    await Promise.race([finished, processor.done])
    // Ends between two transactions: the last one is committed.
    await processor.close()
    const [found] = await this.#log.admin.offsets([{ topic: output.name, partition: 0 }])
    if ((found?.lastStableOffset ?? 0) < records) throw new Error('not all output is committed')
  }

  async ingest(rows: Iterable<BenchRecord>): Promise<void> {
    async function* read(): AsyncGenerator<IngestItem<number>, void, undefined> {
      let position = 0
      for (const { key, value } of rows) yield { position: ++position, records: { topic: INPUT, key, value } }
    }
    await this.#log.ingest<number>({ source: 'bench', read }).done
  }

  async nextOffset(): Promise<number> {
    const [found] = await this.#log.admin.offsets([{ topic: INPUT, partition: 0 }])
    return found?.highWatermark ?? 0
  }

  report(): Readonly<Record<string, number>> {
    return { ...this.#watched?.figures }
  }

  async close(): Promise<void> {
    await this.#log.close()
  }
}

export function createPeer(variant: string): Peer {
  return new ExactlyOncePeer(variant.includes('watched'))
}
