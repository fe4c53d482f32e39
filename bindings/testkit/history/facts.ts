import type { History, Isolation, Place, SeenRecord, Send, TransactionEnd } from './history.ts'

/** One record in the hands of one reader. */
export interface Sight extends Place, SeenRecord {
  readonly isolation: Isolation
  /** Infinite for the final read, which comes after everything. */
  readonly answeredAt: number
  readonly reader: string
  /** `topic-partition`. */
  readonly name: string
  readonly send: Send | undefined
}

/** What the log owes of a send to those who read committed records. */
export type Fate = 'there' | 'absent' | 'either'

export function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** A history, looked up by value and by place. Built once in linear time, then only read. */
export class Facts {
  readonly history: History
  readonly sendOf: ReadonlyMap<string, Send>
  readonly endOf: ReadonlyMap<string, TransactionEnd>
  /** Everything that was read, in the order of the history, final reads last. */
  readonly sights: readonly Sight[]
  /** By partition: the values that a fresh reader found in the end. */
  readonly finalOf: ReadonlyMap<string, ReadonlySet<string>>
  readonly #names: Map<string, string[]> = new Map()
  readonly #offsets: Map<string, number> = new Map()

  constructor(history: History) {
    this.history = history
    this.sendOf = new Map(history.sends.map((send) => [send.value, send]))
    if (this.sendOf.size !== history.sends.length) throw new Error('a history may send a value only once')
    this.endOf = new Map(history.transactions.map((end) => [end.id, end]))
    this.sights = this.#seen()
    this.finalOf = new Map(
      history.finalReads.map((read) => [this.nameOf(read), new Set(read.records.map(({ value }) => value))]),
    )
    for (const { value, offset } of history.sends) if (offset !== undefined) this.#offsets.set(value, offset)
    for (const { value, offset } of this.sights) if (!this.#offsets.has(value)) this.#offsets.set(value, offset)
  }

  /** The same string for the same partition, so that maps hash it once. */
  nameOf({ topic, partition }: Place): string {
    const names = getOrMake(this.#names, topic, () => [])
    names[partition] ??= `${topic}-${partition}`
    return names[partition]
  }

  #seen(): Sight[] {
    const sights: Sight[] = []
    const add = (
      place: Place,
      records: readonly SeenRecord[],
      by: Pick<Sight, 'isolation' | 'answeredAt' | 'reader'>,
    ) => {
      const { topic, partition } = place
      const { isolation, answeredAt, reader } = by
      const name = this.nameOf(place)
      for (const { offset, value } of records) {
        const send = this.sendOf.get(value)
        sights.push({ topic, partition, offset, value, isolation, answeredAt, reader, name, send })
      }
    }
    for (const step of this.history.steps) {
      if (step.step !== 'poll') continue
      const { isolation, answeredAt, consumer: reader } = step
      add(step, step.records, { isolation, answeredAt, reader })
    }
    const last = { isolation: 'read_committed', answeredAt: Number.POSITIVE_INFINITY, reader: 'final read' } as const
    for (const read of this.history.finalReads) add(read, read.records, last)
    return sights
  }

  /** Where the value is, by its answer or else by whoever read it first. */
  offsetOf(value: string): number | undefined {
    return this.#offsets.get(value)
  }

  fateOf(send: Send): Fate {
    if (send.outcome === 'failed') return 'absent'
    if (send.transaction === undefined) return send.outcome === 'ok' ? 'there' : 'either'
    return this.endFate(send.transaction)
  }

  /** A transaction without a recorded end may have had any. */
  endFate(transaction: string): Fate {
    const outcome = this.endOf.get(transaction)?.outcome
    if (outcome === 'committed') return 'there'
    return outcome === 'aborted' ? 'absent' : 'either'
  }
}
