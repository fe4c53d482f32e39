import type { Consumer, ConsumerRecord, RecordBatch } from 'oncelog'
import type { Row } from './input.ts'
import type { rows } from './totals.ts'

type Input = ConsumerRecord<'rows', string, Row>

/** Rows of one partition, in their order, that one transaction copies. */
export interface Piece {
  /** Of the transaction; made up by who copies it where the rows don't say. */
  readonly name: string | undefined
  readonly records: readonly Input[]
  /** What is handed to `sendOffsets`. */
  readonly done: RecordBatch<typeof rows> | Input
}

const SIZE_MAX = 120

/** Of random size, so that transactions end at other records in every run. */
export async function* randomPieces(consumer: Consumer<typeof rows>): AsyncGenerator<Piece, void, undefined> {
  for (;;) {
    const maxRecords = 1 + Math.floor(Math.random() * SIZE_MAX)
    for await (const batch of consumer.batches({ maxRecords })) {
      yield { name: undefined, records: [...batch], done: batch }
      // Another size from now on.
      if (Math.random() < 0.3) break
    }
  }
}

/** Rows that follow one another with the same value of a field, as those of an invoice do, are one transaction. */
export class NaturalPieces {
  readonly #field: string
  /** Where each partition ends: nothing is added to them any more. */
  readonly #endOffsets: ReadonlyMap<number, number>
  /**
   * Delivered and not yet complete, by partition: they outlive an iteration, which gives back undelivered ones only.
   */
  readonly #begun: Map<number, readonly Input[]> = new Map()

  constructor(field: string, endOffsets: ReadonlyMap<number, number>) {
    this.#field = field
    this.#endOffsets = endOffsets
  }

  /** They came from elsewhere since, or go there. */
  forget(partition: number): void {
    this.#begun.delete(partition)
  }

  async *from(consumer: Consumer<typeof rows>): AsyncGenerator<Piece, void, undefined> {
    for await (const record of consumer) {
      const begun = this.#begunBefore(record)
      const isOther = begun.length > 0 && nameOf(begun[0], this.#field) !== nameOf(record, this.#field)
      const current = isOther ? [record] : [...begun, record]
      const isLast = record.offset + 1 === this.#endOffsets.get(record.partition)
      // Before anything is given: it may be the last that is asked for.
      this.#begun.set(record.partition, isLast ? [] : current)
      if (isOther) yield this.#piece(begun)
      if (isLast) yield this.#piece(current)
    }
  }

  /** Of its partition, up to the one before it: after an abort a piece comes again from its first row. */
  #begunBefore({ partition, offset }: Input): readonly Input[] {
    const begun = this.#begun.get(partition) ?? []
    return begun.at(-1)?.offset === offset - 1 ? begun : []
  }

  #piece(records: readonly Input[]): Piece {
    const done = records.at(-1) as Input
    return { name: nameOf(done, this.#field), records, done }
  }
}

function nameOf(record: Input | undefined, field: string): string {
  return String(record?.value?.[field] ?? '')
}
