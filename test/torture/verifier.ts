import { type EmbeddedLog, open, type Position } from '../../bindings/entry/node.ts'
import type { Proof, Told } from './ledger.ts'
import { PARTITIONS, TOPICS } from './victim/topics.ts'
import { textOf } from './victim/workload.ts'

interface Found {
  readonly offset: number
  readonly value: string
}

/** Every violation is one line; more of them say no more. */
const VIOLATIONS_MAX = 20

/**
 * What was told by all victims of one directory, held against what the log has. Reads each record once, and all of them
 * again at the end.
 */
export class Verifier {
  readonly violations: string[] = []
  readonly counts = { acknowledged: 0, seen: 0, transactions: 0, copied: 0, committed: 0, keys: 0, checks: 0 }
  readonly #proofs: readonly Proof[]
  /** Which value stands at which offset, by `topic/partition/value`: told, not yet read; and read once. */
  readonly #due = new Map<string, number>()
  readonly #known = new Map<string, number>()
  readonly #transactions = new Set<string>()
  /** They may be there or not. */
  readonly #unsent = new Set<string>()
  readonly #committed = new Map<number, number>()
  readonly #newest = new Map<string, string>()
  /** In the order in which they were started. */
  readonly #names = new Map<string, number>()
  #read = new Reading()

  /** Told with another proof a record may be gone, if with all after it. */
  constructor(proofs: readonly Proof[]) {
    this.#proofs = proofs
  }

  started(name: string): void {
    this.#names.set(name, this.#names.size)
  }

  take(told: Told): void {
    if ('at' in told) this.#takeRecord(told)
    else if ('transaction' in told) {
      this.counts.transactions++
      for (const partition of [0, 1]) this.#transactions.add(`both/${partition}/${told.transaction}`)
    } else if ('unsent' in told) {
      this.#unsent.add(`${told.unsent}/${told.partition}/${told.value}`)
    } else if ('committed' in told) {
      this.counts.committed++
      this.#committed.set(told.partition, told.committed)
    } else if ('key' in told) {
      this.counts.keys++
      this.#newest.set(told.key, told.value)
    }
  }

  #takeRecord({ at, partition, offset, value, how }: Extract<Told, { at: string }>): void {
    if (how === 'seen') this.counts.seen++
    else this.counts.acknowledged++
    if (!this.#proofs.includes(how)) return
    const name = `${at}/${partition}/${value}`
    const before = this.#known.get(name) ?? this.#due.get(name)
    if (before !== undefined && before !== offset)
      this.#violate(`${name} was told to be at ${before}, and at ${offset}`)
    if (this.#known.has(name)) return
    this.#due.set(name, offset)
  }

  #violate(what: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(what)
  }

  /** What came since the last time; nobody else may have the directory. */
  async check(directory: string): Promise<void> {
    const log = await open(directory, { exclusive: true })
    try {
      await this.#look(log)
    } finally {
      await log.close()
    }
  }

  /** Everything once more, from the first record on. */
  async checkAll(directory: string): Promise<void> {
    for (const [name, offset] of this.#known) this.#due.set(name, offset)
    this.#known.clear()
    this.#read = new Reading()
    await this.check(directory)
  }

  async #look(log: EmbeddedLog): Promise<void> {
    this.counts.checks++
    for (const { file, code } of log.recovery.damage) this.#violate(`damage in ${file}: ${code}`)
    const topics = (await log.admin.listTopics()).filter((topic) => topic in TOPICS)
    for (const topic of topics) await this.#readTopic(log, topic)
    for (const name of this.#due.keys()) this.#violate(`${name} was acknowledged or seen, and is lost`)
    this.#checkTransactions()
    if (topics.includes('copied')) await this.#checkCopies(log)
    if (topics.includes('both')) await this.#checkCommitted(log)
    if (topics.includes('latest')) await this.#checkNewest(log)
  }

  async #readTopic(log: EmbeddedLog, topic: string): Promise<void> {
    if (topic === 'latest') return
    const from = this.#read.positions(topic)
    for await (const { partition, offset, value } of log.read(topic, { from, until: 'end' })) {
      const found = { offset, value: textOf(value) }
      this.#read.add(topic, partition, found)
      if (topic === 'copied' || topic === 'counts') continue
      const name = `${topic}/${partition}/${found.value}`
      const told = this.#due.get(name)
      if (told !== undefined && told !== offset) this.#violate(`${name} was told to be at ${told}, is at ${offset}`)
      this.#due.delete(name)
      this.#known.set(name, offset)
      this.#transactions.delete(name)
      const wrong = this.#read.order(topic, partition, found.value, this.#unsent)
      if (wrong !== undefined) this.#violate(wrong)
    }
  }

  #checkTransactions(): void {
    for (const name of this.#transactions) this.#violate(`the transaction ${name} was acknowledged and is lost`)
    const [first, second] = [0, 1].map(
      (partition) => new Set(this.#read.of('both', partition).map(({ value }) => value)),
    )
    for (const value of new Set([...(first ?? []), ...(second ?? [])]))
      if (first?.has(value) !== second?.has(value)) this.#violate(`half of the transaction ${value} is there`)
    this.#read.forget('both')
  }

  /** Each input once, in order; as many as the transactions say, and as far as the group is. */
  async #checkCopies(log: EmbeddedLog): Promise<void> {
    const groups = await log.admin.listGroups()
    const offsets = groups.some(({ groupId }) => groupId === 'copiers')
      ? (await log.admin.describeGroup('copiers')).offsets
      : []
    let copied = 0
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const input = this.#read.of('plain', partition)
      const copies = this.#read.of('copied', partition)
      const wrong = copies.findIndex(({ value }, index) => value !== input[index]?.value)
      if (wrong >= 0)
        this.#violate(`copy ${wrong} of partition ${partition} is ${copies[wrong]?.value}, not ${input[wrong]?.value}`)
      const counted = this.#read.of('counts', partition).reduce((sum, { value }) => sum + Number(value), 0)
      if (counted !== copies.length)
        this.#violate(`transactions copied ${counted} records of partition ${partition}, there are ${copies.length}`)
      const next = offsets.find((each) => each.partition === partition)?.nextOffset ?? 0
      const done = input.filter(({ offset }) => offset < next).length
      if (done !== copies.length)
        this.#violate(
          `the group is at ${next} of partition ${partition}, behind ${done} records, with ${copies.length} copies`,
        )
      copied += copies.length
    }
    this.counts.copied = copied
  }

  async #checkCommitted(log: EmbeddedLog): Promise<void> {
    if (this.#committed.size === 0) return
    const { offsets } = await log.admin.describeGroup('readers')
    for (const [partition, told] of this.#committed) {
      const found = offsets.find((each) => each.partition === partition)?.nextOffset ?? 0
      if (found < told) this.#violate(`the readers are at ${found} of partition ${partition}, they were told ${told}`)
    }
  }

  /** Compaction leaves the newest of each key at least, and nothing comes back. */
  async #checkNewest(log: EmbeddedLog): Promise<void> {
    const newest = new Map<string, string>()
    for await (const { key, value } of log.read('latest', { until: 'end' })) newest.set(textOf(key), textOf(value))
    for (const [key, told] of this.#newest) {
      const found = newest.get(key)
      if (found === undefined || this.#isOlder(found, told)) this.#violate(`key ${key} has ${found}, not ${told}`)
    }
  }

  #isOlder(found: string, told: string): boolean {
    const [name = '', number] = found.split(' ')
    const [toldName = '', toldNumber] = told.split(' ')
    if (name !== toldName) return (this.#names.get(name) ?? -1) < (this.#names.get(toldName) ?? 0)
    return order(number) < order(toldNumber)
  }
}

/** `12.7` is the eighth record of the thirteenth send. */
function order(number: string | undefined): number {
  const [send, record] = (number ?? '').split('.').map(Number)
  return (send ?? 0) * 8 + (record ?? 0)
}

/** What one pass through the log found. */
class Reading {
  readonly #records = new Map<string, Found[]>()
  readonly #next = new Map<string, number>()
  readonly #positions = new Map<string, number>()

  positions(topic: string): Position[] {
    return Array.from({ length: PARTITIONS }, (_, partition) => {
      return { topic, partition, nextOffset: this.#positions.get(`${topic}/${partition}`) ?? 0 }
    })
  }

  of(topic: string, partition: number): readonly Found[] {
    return this.#records.get(`${topic}/${partition}`) ?? []
  }

  forget(topic: string): void {
    for (let partition = 0; partition < PARTITIONS; partition++) this.#records.delete(`${topic}/${partition}`)
  }

  add(topic: string, partition: number, found: Found): void {
    const place = `${topic}/${partition}`
    this.#positions.set(place, found.offset + 1)
    const records = this.#records.get(place) ?? []
    if (topic !== 'relaxed') records.push(found)
    this.#records.set(place, records)
  }

  /** Of each process its numbers from the first on, each once, none left out; of transactions some are aborted. */
  order(topic: string, partition: number, value: string, unsent: ReadonlySet<string>): string | undefined {
    const [name = '', number] = value.split(' ')
    const place = `${topic}/${partition}/${name}`
    let due = this.#next.get(place) ?? 0
    while (due < Number(number) && unsent.has(`${place} ${due}`)) due++
    this.#next.set(place, Number(number) + 1)
    const isNext = topic === 'both' ? Number(number) >= due : Number(number) === due
    return isNext ? undefined : `${topic}/${partition}: ${value} where number ${due} is due`
  }
}
