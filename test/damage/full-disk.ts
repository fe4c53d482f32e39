import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { EmbeddedLog, Producer } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults, type FaultableKind } from '../../bindings/testkit/simulation/faults.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { Ledger } from './ledger.ts'

/** From which operation on the disk has no room, and until when. */
export interface Shortage {
  readonly kind: Extract<FaultableKind, 'write' | 'create'>
  /** The n-th operation of this kind, from 1. */
  readonly at: number
  /** That operation alone; until a call was refused; until the log was closed. */
  readonly until: 'once' | 'refusal' | 'close'
}

const port = { ...nodePort, now: () => 1_700_000_000_000 }
const OPTIONS = { memoryBytes: 16 * 1024 * 1024 }
/** Larger than what a frame takes: its batch goes by an extent. */
const LARGE_BYTES = 150_000
const LIVES = 2

/** A program over two lives on a disk that has no room for a while; what it does not get it asks for once more. */
export class FullDiskStory {
  readonly ledger: Ledger = new Ledger()
  readonly #shortage: Shortage
  readonly #faults: DiskFaults
  #disk = new VirtualDisk()
  #hasRoom = false
  /** Of this life: the log refuses everything from here on. */
  #endedBy: LogError | undefined
  #count = 0

  constructor(shortage: Shortage) {
    const { kind, at, until } = shortage
    this.#shortage = shortage
    this.#faults = new DiskFaults([{ kind, effect: 'full', at, isSticky: until !== 'once' }])
    this.#disk.faults = this.#faults
  }

  get hasStruck(): boolean {
    return this.#faults.struck > 0
  }

  async run(): Promise<void> {
    for (let life = 0; life < LIVES; life++) {
      const log = await this.#opened()
      this.#endedBy = undefined
      await this.#live(log, `u${life}`)
      await this.#told('close', () => log.close(), log)
      if (this.#shortage.until === 'close' && this.hasStruck) this.#makeRoom()
    }
    this.#makeRoom()
    await this.ledger.check(() => openLog(this.#reopened(), port, OPTIONS))
  }

  #makeRoom(): void {
    this.#hasRoom = true
    this.#disk.faults = undefined
  }

  #reopened(): VirtualDisk {
    const next = this.#disk.reopened()
    next.faults = this.#disk.faults
    this.#disk = next
    return next
  }

  async #opened(): Promise<EmbeddedLog> {
    for (;;) {
      try {
        return await openLog(this.#reopened(), port, OPTIONS)
      } catch (error) {
        this.#refused('open', error)
        this.#makeRoom()
      }
    }
  }

  #refused(name: string, error: unknown): void {
    if (!LogError.is(error)) throw error
    this.ledger.refused(name, error as LogError)
    if (this.#hasRoom && this.#endedBy === undefined)
      this.ledger.violate(`${name} is refused though there is room: ${error}`)
    if (this.#endedBy !== undefined && error.code !== this.#endedBy.code)
      this.ledger.violate(`${name} of a log that ended by ${this.#endedBy.code} gives ${error.code}`)
  }

  /** True when it was done. Otherwise the state of the log is looked at, and there is room as the shortage has it. */
  async #told(name: string, call: () => Promise<unknown>, log: EmbeddedLog): Promise<boolean> {
    try {
      await call()
      if (this.#endedBy !== undefined && name !== 'close')
        this.ledger.violate(`${name} is done by a log that has ended`)
      return true
    } catch (error) {
      this.#refused(name, error)
    }
    if (name !== 'close' && this.#endedBy === undefined) await this.#afterRefusal(log)
    return false
  }

  async #afterRefusal(log: EmbeddedLog): Promise<void> {
    if (this.#shortage.until === 'close') return
    this.#makeRoom()
    try {
      await log.admin.createTopic(`probe${this.#count++}`)
    } catch (error) {
      if (!LogError.is(error)) throw error
      this.#endedBy = error as LogError
    }
  }

  async #twice(name: string, call: () => Promise<unknown>, log: EmbeddedLog): Promise<boolean> {
    return (await this.#told(name, call, log)) || (await this.#told(`${name} again`, call, log))
  }

  async #live(log: EmbeddedLog, name: string): Promise<void> {
    const config = { 'segment.bytes': 180_000, 'index.interval.bytes': 0 }
    const create = () => log.admin.createTopic('t', { partitions: 2, config })
    const isThere = (await log.admin.listTopics()).includes('t') || (await this.#twice('create', create, log))
    if (!isThere) return
    const [durable, relaxed] = [log.producer(), log.producer({ acks: 1 })]
    await this.#send(log, durable, 0)
    await this.#send(log, relaxed, 1)
    await this.#send(log, durable, 0, LARGE_BYTES)
    await this.#sendAll(log, durable, [0, 1, 0])
    await this.#commit(log)
    await this.#transact(log, 'commit')
    await this.#transact(log, 'abort')
    await this.#send(log, durable, 0)
    const isMade = await this.#twice('create', () => log.admin.createTopic(name), log)
    await this.#send(log, relaxed, 1)
    if (isMade) await this.#twice('delete', () => log.admin.deleteTopic(name), log)
    await this.#send(log, durable, 1)
  }

  async #send(log: EmbeddedLog, producer: Producer, partition: number, addedBytes = 0): Promise<void> {
    await this.#told('send', () => this.#sent(producer, partition, addedBytes), log)
  }

  /** On their way together: what refuses one may refuse all of them. */
  async #sendAll(log: EmbeddedLog, producer: Producer, partitions: readonly number[]): Promise<void> {
    const sending = async () => {
      const answers = await Promise.allSettled(partitions.map((partition) => this.#sent(producer, partition, 0)))
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
    }
    await this.#told('sends together', sending, log)
  }

  async #sent(producer: Producer, partition: number, addedBytes: number): Promise<void> {
    const value = `${this.#count++}`
    this.ledger.attempted.add(value)
    const bytes = new Uint8Array(value.length + addedBytes).fill(0x20)
    bytes.set(Buffer.from(value))
    const { offset } = await producer.send({ topic: 't', partition, value: bytes })
    this.ledger.acknowledged.set(value, `${partition}/${offset}`)
  }

  async #commit(log: EmbeddedLog): Promise<void> {
    const nextOffset = this.ledger.committedOffset + 1
    const commit = async () => {
      const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
      try {
        await consumer.commit([{ topic: 't', partition: 0, nextOffset }], { allowSkip: true })
      } finally {
        await consumer.close()
      }
      this.ledger.committedOffset = nextOffset
    }
    await this.#twice('commit', commit, log)
  }

  async #transact(log: EmbeddedLog, end: 'commit' | 'abort'): Promise<void> {
    const values = [`${this.#count++}`, `${this.#count++}`]
    const told = { values, state: 'open' as 'open' | 'committed' | 'aborted' | 'unknown' }
    this.ledger.transactions.push(told)
    const transact = async () => {
      const producer = log.producer({ transactionalId: 'x' })
      const transaction = await producer.beginTransaction()
      await transaction.send(values.map((value, partition) => ({ topic: 't', partition, value })))
      if (end === 'commit') told.state = 'unknown'
      await transaction[end]()
      told.state = end === 'commit' ? 'committed' : 'aborted'
      await producer.close()
    }
    await this.#told(end, transact, log)
  }
}
