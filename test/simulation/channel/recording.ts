import type { FinalOffset, FinalRead, History, Isolation } from '../../../bindings/testkit/history/history.ts'
import { HistoryRecorder } from '../../../bindings/testkit/history/recorder.ts'

/** A send whose outcome isn't known yet. */
export interface OpenSend {
  readonly producer: string
  readonly value: string
  readonly topic: string
  readonly partition: number
  readonly transaction: string | undefined
  outcome: 'ok' | 'failed' | 'unknown'
  offset: number | undefined
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
  readonly transactions: OpenTransactionEnd[] = []
  readonly offsets: OffsetInTransaction[] = []
  readonly #recorder = new HistoryRecorder()
  finalReads: FinalRead[] = []
  finalOffsets: FinalOffset[] = []
  #numbers = 0

  number(): number {
    return this.#numbers++
  }

  tick(): number {
    return this.#recorder.tick()
  }

  send(topic: string, partition: number, producer: string, value: string, transaction: string | undefined): OpenSend {
    const send: OpenSend = {
      topic,
      partition,
      producer,
      value,
      transaction,
      outcome: 'unknown',
      offset: undefined,
    }
    this.sends.push(send)
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
    this.#recorder.polled({ consumer, isolation, topic, partition, records })
  }

  positioned(consumer: string, topic: string, partition: number, offset: number): void {
    this.#recorder.positioned({ consumer, topic, partition, offset })
  }

  acknowledged(sends: readonly OpenSend[], results: readonly { readonly offset: number }[]): void {
    for (const [index, send] of sends.entries()) {
      send.outcome = 'ok'
      send.offset = results[index]?.offset
    }
  }

  /** Where a record of a transaction is nobody may rely on before its commit: a power failure gives the place to others. */
  forgetUncommittedOffsets(): void {
    const committed = new Set(this.transactions.filter(({ outcome }) => outcome === 'committed').map(({ id }) => id))
    for (const send of this.sends) {
      if (send.transaction !== undefined && !committed.has(send.transaction)) send.offset = undefined
    }
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
