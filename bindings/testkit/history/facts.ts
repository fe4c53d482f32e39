import type { History, Isolation, OffsetCommit, Place, SeenRecord, Send, TransactionEnd } from './history.ts'

/** One record that one reader was given. */
export interface Sight extends Place, SeenRecord {
  readonly isolation: Isolation
  /** Infinite for the final read, which comes after everything. */
  readonly answeredAt: number
  readonly reader: string
  /** `topic-partition`. */
  readonly name: string
  readonly sent: SentValue | undefined
}

/** A send and all that the history says about its value. */
export interface SentValue {
  readonly send: Send
  readonly name: string
  readonly fate: Fate
  /** From the send's answer; without one, from the first read of its value. */
  offset: number | undefined
  isInFinalRead: boolean
  /**
   * Whether a reader of committed records saw it: then its transaction must have committed, whatever its sender was
   * told.
   */
  isSeenCommitted: boolean
}

/** Whether readers of committed records must, mustn't or may see what was sent. */
export type Fate = 'there' | 'absent' | 'either'

export function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** For records in any order: what a faulty reader returned is judged too. */
function lastOffset(records: readonly SeenRecord[]): number {
  return records.reduce((last, { offset }) => Math.max(last, offset), -1)
}

/** A history, looked up by value and by place. Built once in linear time, then only read. */
export class Facts {
  readonly history: History
  readonly sent: readonly SentValue[]
  readonly endOf: ReadonlyMap<string, TransactionEnd>
  /** Everything that was read, in the order of the history, final reads last. */
  readonly sights: readonly Sight[]
  /** By partition: the last offset that a fresh reader found in the end, -1 for none. */
  readonly finalEnds: ReadonlyMap<string, number>
  /** Transactions of which a reader of committed records saw something. */
  readonly seenTransactions: ReadonlySet<string>
  readonly #names: Map<string, string[]> = new Map()

  constructor(history: History) {
    this.history = history
    this.endOf = new Map(history.transactions.map((end) => [end.id, end]))
    this.finalEnds = new Map(history.finalReads.map((read) => [this.nameOf(read), lastOffset(read.records)] as const))
    this.sent = history.sends.map((send) => ({
      send,
      name: this.nameOf(send),
      fate: this.#fateOf(send),
      offset: send.offset,
      isInFinalRead: false,
      isSeenCommitted: false,
    }))
    this.#assertOnce()
    this.sights = this.#seen(new Map(this.sent.map((sent) => [sent.send.value, sent])))
    const seen = this.sent.filter((sent) => sent.isSeenCommitted).map(({ send }) => send.transaction)
    this.seenTransactions = new Set(seen.filter((id) => id !== undefined))
  }

  /** Refuses a history that says two things of one value: nobody could tell which one counts. */
  #assertOnce(): void {
    const { transactions, finalReads } = this.history
    if (this.endOf.size !== transactions.length) throw new Error('a history may end a transaction only once')
    if (this.finalEnds.size !== finalReads.length)
      throw new Error('a history may read a partition in the end only once')
  }

  /** The same string for the same partition, so that maps hash it once. */
  nameOf({ topic, partition }: Place): string {
    const names = getOrMake(this.#names, topic, () => [])
    names[partition] ??= `${topic}-${partition}`
    return names[partition]
  }

  #seen(sentOf: ReadonlyMap<string, SentValue>): Sight[] {
    if (sentOf.size !== this.sent.length) throw new Error('a history may send a value only once')
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
        const sent = sentOf.get(value)
        if (sent !== undefined) {
          sent.offset ??= offset
          if (answeredAt === Number.POSITIVE_INFINITY && sent.name === name) sent.isInFinalRead = true
          if (isolation === 'read_committed' && sent.name === name) sent.isSeenCommitted = true
        }
        sights.push({ topic, partition, offset, value, isolation, answeredAt, reader, name, sent })
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

  #fateOf(send: Send): Fate {
    if (send.outcome === 'failed') return 'absent'
    if (send.transaction === undefined) return send.outcome === 'ok' ? 'there' : 'either'
    return this.endFate(send.transaction)
  }

  /** A transaction without a recorded end may have committed, aborted or neither. */
  endFate(transaction: string): Fate {
    const outcome = this.endOf.get(transaction)?.outcome
    if (outcome === 'committed') return 'there'
    return outcome === 'aborted' ? 'absent' : 'either'
  }

  commitFate(commit: OffsetCommit): Fate {
    if (commit.transaction !== undefined) return this.endFate(commit.transaction)
    if (commit.outcome === 'unknown') return 'either'
    return commit.outcome === 'ok' ? 'there' : 'absent'
  }

  /** Whether readers of committed records that pass its place must see it. */
  mustBeSeen({ send: { transaction }, fate }: SentValue): boolean {
    return (
      fate === 'there' || (transaction !== undefined && fate === 'either' && this.seenTransactions.has(transaction))
    )
  }
}
