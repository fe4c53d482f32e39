import type { AppendResult } from '../../broker/producer-session.ts'
import type { RecordMetadata } from '../producer-record.ts'
import type { Cut } from './cut-by-size.ts'
import { Metadata } from './metadata.ts'
import type { CheckedRecord } from './validate-record.ts'

/** The buffer of the producer that sent a part. */
export interface PartOwner {
  /** Adds a part that is under way now, and returns it. */
  began(part: SendPart): SendPart
  /** Frees the part's bytes. */
  settled(part: SendPart): void
}

/** The send that a part belongs to. */
export interface SendOfParts {
  /** Settles once all parts have ended. */
  readonly answered: Promise<unknown>
  /** Adds a part. It is called for all parts before any of them ends. */
  partBegan(): void
  /** Notes that the record at this position of the call was written. */
  written(index: number, metadata: RecordMetadata): void
  partEnded(): void
  partFailed(part: SendPart, error: unknown): void
}

/** The records of one send that go to one partition, in one batch. */
export class SendPart {
  readonly topic: string
  readonly partition: number
  /**
   * The part's records are the first `count` of this list: a batch may take the list over and add to it. The list is
   * empty in a batch that is handed over.
   */
  records: CheckedRecord[]
  readonly count: number
  readonly sizeBytes: number
  /** Positions of the records in the call; only that of the first one if they stand there in a row. */
  readonly indexes: readonly number[] | number
  readonly owner: PartOwner
  readonly send: SendOfParts
  /** Position of the part's first record in the batch. */
  firstIndex = 0
  /** Position of the part in its owner's list of unsettled parts. */
  unsettledAt = -1

  constructor(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    records: CheckedRecord[],
    sizeBytes: number,
    indexes: readonly number[] | number,
    owner: PartOwner,
    send: SendOfParts,
    count: number = records.length,
  ) {
    this.topic = topic
    this.partition = partition
    this.records = records
    this.count = count
    this.sizeBytes = sizeBytes
    this.indexes = indexes
    this.owner = owner
    this.send = send
    send.partBegan()
  }

  /** Returns the position in the call of the record at `at` of this part. */
  indexOf(at: number): number {
    const { indexes } = this
    return typeof indexes === 'number' ? indexes + at : (indexes[at] as number)
  }

  /** Ends the part for others, one for each of these runs of its records. */
  cut(records: readonly CheckedRecord[], cuts: readonly Cut[]): SendPart[] {
    const { owner, send, indexes } = this
    const parts = cuts.map(({ from, to }) => {
      const run = records.slice(from, to)
      const sizeBytes = run.reduce((sum, record) => sum + record.sizeBytes, 0)
      const at = typeof indexes === 'number' ? indexes + from : indexes.slice(from, to)
      return owner.began(new SendPart(this, run, sizeBytes, at, owner, send))
    })
    send.partEnded()
    owner.settled(this)
    return parts
  }

  written({ baseOffset, appendTime, isLogAppendTime }: AppendResult): void {
    const { topic, partition, firstIndex, records, send } = this
    const firstOffset = baseOffset < 0 ? -1 : baseOffset + firstIndex
    for (let at = 0; at < this.count; at++) {
      const offset = firstOffset < 0 ? -1 : firstOffset + at
      const timestamp = isLogAppendTime ? appendTime : (records[at]?.timestamp ?? appendTime)
      send.written(this.indexOf(at), new Metadata(topic, partition, offset, timestamp))
    }
    send.partEnded()
    this.owner.settled(this)
  }

  failed(error: unknown): void {
    this.send.partFailed(this, error)
    this.owner.settled(this)
  }
}
