import type { EmbeddedLog } from '../../bindings/entry/node.ts'

/** What a writer that may be killed at any moment tells its parent. */
export type Told =
  | { readonly opened: true }
  | { readonly topic: string; readonly partition: number; readonly value: string; readonly offset: number }
  | { readonly transaction: string }
  | { readonly committed: { readonly partition: number; readonly nextOffset: number } }

interface Found {
  readonly offset: number
  readonly value: string
}

/** What writers were told, one after the other, held against what the log has. Values are `run number`, per partition. */
export class KillLedger {
  /** Offsets of acknowledged values by `topic/partition/value`. */
  readonly #acknowledged = new Map<string, number>()
  readonly #transactions = new Set<string>()
  readonly #committed = new Map<number, number>()
  readonly violations: string[] = []

  take(told: Told): void {
    if ('offset' in told) this.#acknowledged.set(`${told.topic}/${told.partition}/${told.value}`, told.offset)
    else if ('transaction' in told) this.#transactions.add(told.transaction)
    else if ('committed' in told) this.#committed.set(told.committed.partition, told.committed.nextOffset)
  }

  get count(): number {
    return this.#acknowledged.size + this.#transactions.size
  }

  async check(log: EmbeddedLog): Promise<void> {
    for (const { file, code } of log.recovery.damage) this.violations.push(`${file}: ${code}`)
    const topics = await log.admin.listTopics()
    const left = new Map(this.#acknowledged)
    for (const topic of topics) {
      for (const [partition, found] of await partitionsOf(log, topic)) {
        this.#checkOrder(`${topic}/${partition}`, found)
        for (const { offset, value } of found) {
          const name = `${topic}/${partition}/${value}`
          const told = left.get(name)
          if (told !== undefined && told !== offset)
            this.violations.push(`${name} was acknowledged at ${told}, is at ${offset}`)
          left.delete(name)
        }
      }
    }
    for (const name of left.keys()) this.violations.push(`${name} was acknowledged and is lost`)
    if (topics.includes('both')) await this.#checkTransactions(log)
    if (topics.includes('plain')) await this.#checkCommitted(log)
  }

  /** Of each run its numbers from the first on, each once, none left out; and no run between the records of another. */
  #checkOrder(place: string, found: readonly Found[]): void {
    const next = new Map<string, number>()
    let last = ''
    for (const { value } of found) {
      const [run = '', number] = value.split(' ')
      if (run !== last && next.has(run)) this.violations.push(`${place}: run ${run} goes on behind run ${last}`)
      // Of transactions some are aborted, so that numbers may be missing there.
      const isNext = place.startsWith('both')
        ? Number(number) >= (next.get(run) ?? 0)
        : Number(number) === (next.get(run) ?? 0)
      if (!isNext) this.violations.push(`${place}: ${value} where number ${next.get(run) ?? 0} is due`)
      next.set(run, Number(number) + 1)
      last = run
    }
  }

  async #checkTransactions(log: EmbeddedLog): Promise<void> {
    const partitions = await partitionsOf(log, 'both')
    const [first, second] = [0, 1].map(
      (partition) => new Set((partitions.get(partition) ?? []).map(({ value }) => value)),
    )
    for (const value of new Set([...(first ?? []), ...(second ?? [])])) {
      if (first?.has(value) !== second?.has(value)) this.violations.push(`half of the transaction ${value} is there`)
    }
    for (const value of this.#transactions) {
      if (first?.has(value) !== true) this.violations.push(`the transaction ${value} was acknowledged and is lost`)
    }
  }

  async #checkCommitted(log: EmbeddedLog): Promise<void> {
    const consumer = log.consumer({ groupId: 'readers', topics: ['plain'] })
    for (const [partition, told] of this.#committed) {
      const found = (await consumer.committed({ topic: 'plain', partition })) ?? 0
      if (found < told) this.violations.push(`the group is at ${found} of partition ${partition}, it was told ${told}`)
    }
    await consumer.close()
  }
}

async function partitionsOf(log: EmbeddedLog, topic: string): Promise<Map<number, Found[]>> {
  const partitions = new Map<number, Found[]>()
  for await (const { partition, offset, value } of log.read(topic, { until: 'end' })) {
    const found = partitions.get(partition) ?? []
    found.push({
      offset,
      value: Buffer.from(value ?? [])
        .toString()
        .trimEnd(),
    })
    partitions.set(partition, found)
  }
  return partitions
}
