import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import type { LogError } from '../../bindings/model/errors.ts'

export interface LedgerTransaction {
  readonly values: readonly string[]
  /** `unknown`: its commit was asked for and not answered. */
  state: 'open' | 'committed' | 'aborted' | 'unknown'
}

/** No room, no room for a frame or a checkpoint, no room for one of several partitions. */
const NO_ROOM: readonly string[] = ['STORAGE_FULL', 'KAFKA_STORAGE_ERROR', 'PARTIAL_SEND']

/** What a program was told by a log, held against what the log has at the end. */
export class Ledger {
  /** Values by where they were acknowledged to stand, `partition/offset` of the topic `t`. */
  readonly acknowledged: Map<string, string> = new Map()
  /** Values that a send was called with. */
  readonly attempted: Set<string> = new Set()
  readonly transactions: LedgerTransaction[] = []
  /** Of the group `g` in partition 0. */
  committedOffset = 0
  readonly #refusals = new Map<string, number>()
  readonly violations: string[] = []

  violate(what: string): void {
    this.violations.push(what)
  }

  refused(name: string, { code, category }: LogError): void {
    const row = `${name}: ${code}, ${category}`
    this.#refusals.set(row, (this.#refusals.get(row) ?? 0) + 1)
    if (!NO_ROOM.includes(code)) this.violate(row)
  }

  /** How often which call was refused with which code. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals
  }

  async check(open: () => Promise<EmbeddedLog>): Promise<void> {
    const log = await open()
    for (const { file, code } of log.recovery.damage) this.violate(`damage in ${file}: ${code}`)
    if ((await log.admin.listTopics()).includes('t')) await this.#checkRecords(log)
    else if (this.acknowledged.size > 0) this.violate('the topic is gone')
    await log.close()
    const again = await open()
    if (!again.recovery.clean) this.violate('it is not clean after a close with room')
    await again.close()
  }

  async #checkRecords(log: EmbeddedLog): Promise<void> {
    const places = new Map<string, string>()
    for await (const { partition, offset, value } of log.read('t', { until: 'end' })) {
      const text = Buffer.from(value ?? [])
        .toString()
        .trimEnd()
      if (places.has(text)) this.violate(`${text} is there twice`)
      places.set(text, `${partition}/${offset}`)
    }
    for (const [value, place] of this.acknowledged) {
      if (places.get(value) !== place) this.violate(`${value} is at ${places.get(value)}, not ${place}`)
    }
    for (const { values, state } of this.transactions) {
      const found = values.filter((value) => places.has(value)).length
      const allowed = { committed: [values.length], aborted: [0], open: [0], unknown: [0, values.length] }[state]
      if (!allowed.includes(found)) this.violate(`${found} records of a transaction that is ${state}`)
    }
    const known = new Set([...this.attempted, ...this.transactions.flatMap(({ values }) => values)])
    for (const value of places.keys()) if (!known.has(value)) this.violate(`${value} was never sent`)
    const group = log.consumer({ groupId: 'g', topics: ['t'] })
    const committed = (await group.committed({ topic: 't', partition: 0 })) ?? 0
    if (committed < this.committedOffset) this.violate(`the group is at ${committed}, not ${this.committedOffset}`)
    await group.close()
    await log.producer().send({ topic: 't', partition: 0, value: 'and on' })
  }
}
