import type {
  FinalOffset,
  FinalRead,
  History,
  Isolation,
  SeenRecord,
} from '../../../bindings/testkit/history/history.ts'
import { HistoryRecorder } from '../../../bindings/testkit/history/recorder.ts'

/** What is sent. */
interface Sent {
  readonly producer: string
  /** Unique; of a deletion what its header says. */
  readonly value: string
  readonly topic: string
  readonly partition: number
  readonly transaction?: string | undefined
  readonly key?: string | undefined
  /** What its header of that name says. */
  readonly copy?: string | undefined
  /** Its value is null. */
  readonly isDeletion?: boolean | undefined
}

/** A send whose outcome isn't known yet. */
export interface OpenSend extends Sent {
  readonly transaction: string | undefined
  outcome: 'ok' | 'failed' | 'unknown'
  offset: number | undefined
  /** Of the record, milliseconds since 1970. */
  timestamp: number | undefined
}

export interface SendAnswer {
  readonly offset: number
  readonly timestamp: number
}

export interface OpenTransactionEnd {
  readonly id: string
  readonly producer: string
  outcome: 'committed' | 'aborted' | 'unknown'
  askedAt: number
}

interface OffsetInTransaction {
  readonly partition: number
  readonly offset: number
  readonly transaction: string
}

/** What the programs of one run did and saw: for the history checker, and for the model beside it. */
export class Recording {
  readonly sends: OpenSend[] = []
  readonly sentValues: Map<string, OpenSend> = new Map()
  readonly transactions: OpenTransactionEnd[] = []
  readonly offsets: OffsetInTransaction[] = []
  readonly #recorder = new HistoryRecorder()
  /** By id, once the run is over. */
  #ends: Map<string, OpenTransactionEnd> | undefined
  finalReads: FinalRead[] = []
  finalOffsets: FinalOffset[] = []
  /** What no log may do, as far as it shows at once. */
  readonly wrong: string[] = []
  readonly #shown: Map<string, string> = new Map()
  readonly #losesUnflushed: boolean
  #numbers = 0

  constructor(losesUnflushed: boolean) {
    this.#losesUnflushed = losesUnflushed
  }

  number(): number {
    return this.#numbers++
  }

  tick(): number {
    return this.#recorder.tick()
  }

  send(sent: Sent): OpenSend {
    const send: OpenSend = {
      ...{ transaction: undefined, ...sent },
      outcome: 'unknown',
      offset: undefined,
      timestamp: undefined,
    }
    this.sends.push(send)
    this.sentValues.set(send.value, send)
    return send
  }

  begin(producer: string): OpenTransactionEnd {
    // As long as nobody asks for its commit it can only come to nothing.
    const end: OpenTransactionEnd = { id: `x${this.number()}`, producer, outcome: 'aborted', askedAt: 0 }
    this.transactions.push(end)
    return end
  }

  polled(
    consumer: string,
    isolation: Isolation,
    topic: string,
    partition: number,
    records: { offset: number; value: string }[],
  ): void {
    // Readers may have got what a power failure takes: all that is held of it is that its place is no other's.
    if (this.#losesUnflushed && isolation === 'read_uncommitted') this.shown(topic, partition, records)
    else this.#recorder.polled({ consumer, isolation, topic, partition, records })
  }

  /** A record was read at each of these places: none of them may ever be another one's. */
  shown(topic: string, partition: number, records: readonly SeenRecord[]): void {
    for (const { offset, value } of records) {
      const place = `${topic}-${partition} at ${offset}`
      const known = this.#shown.get(place)
      if (known === undefined) this.#shown.set(place, value)
      else if (known !== value) this.wrong.push(`${value} was read of ${place}, and ${known} before`)
    }
  }

  positioned(consumer: string, topic: string, partition: number, offset: number): void {
    this.#recorder.positioned({ consumer, topic, partition, offset })
  }

  acknowledged(sends: readonly OpenSend[], results: readonly SendAnswer[]): void {
    for (const [index, send] of sends.entries()) {
      send.outcome = 'ok'
      send.offset = results[index]?.offset
      send.timestamp = results[index]?.timestamp
    }
  }

  /**
   * Where a record of a transaction is nobody may rely on before its commit: a power failure gives the place to others.
   */
  forgetUncommittedOffsets(): void {
    const committed = new Set(this.transactions.filter(({ outcome }) => outcome === 'committed').map(({ id }) => id))
    for (const send of this.sends) {
      if (send.transaction !== undefined && !committed.has(send.transaction)) send.offset = undefined
    }
  }

  /** Whether a record is to be there in the end, by what its sender was told. */
  fateOf({ outcome, transaction }: OpenSend): 'there' | 'absent' | 'either' {
    if (transaction === undefined) return outcome === 'ok' ? 'there' : 'either'
    this.#ends ??= new Map(this.transactions.map((end) => [end.id, end]))
    const end = this.#ends.get(transaction)?.outcome
    if (end === 'committed') return 'there'
    return end === 'aborted' ? 'absent' : 'either'
  }

  /** Offsets of one partition in the order in which they can only have been committed: a group never goes back. */
  history(group: string, topic: string): History {
    const inOrder = [...this.offsets].sort((a, b) => a.offset - b.offset)
    return {
      sends: this.sends,
      transactions: this.transactions,
      steps: this.#recorder.steps,
      commits: inOrder.map((each) => ({ ...each, group, topic, outcome: 'ok' })),
      finalReads: this.finalReads,
      finalOffsets: this.finalOffsets,
    }
  }
}
