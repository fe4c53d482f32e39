import { BATCH_HEADER_BYTES } from '../../../model/batch-format.ts'
import type { PartitionView, SeenRecord, SendRequest } from './system-under-test.ts'

/**
 * What a crash may take. `process`: nothing that was written to files; `power`: whatever wasn't flushed.
 */
export type Loss = 'process' | 'power'

export interface SendState extends SendRequest {
  readonly index: number
  readonly topicId: string
  /**
   * `unknown`: the log died before it answered; `present` and `lost`: a look after a crash decided it; `refused`: it
   * was answered with an error, which says nothing certain about the bytes.
   */
  outcome: 'pending' | 'acknowledged' | 'refused' | 'unknown' | 'present' | 'lost'
  /** What it must survive, by its own acknowledgement or by one after it in its partition (Prefix). */
  promised: 'nothing' | Loss
  baseOffset: number | undefined
  /** It was once answered with an error: if its client went on with later sequences, the gap is the client's own. */
  wasRefused: boolean
}

export interface TopicModel {
  readonly topicId: string
  readonly topic: string
  state: 'creating' | 'live' | 'deleting' | 'dead'
  least: number
  most: number
}

export interface CommittedOffsets {
  readonly group: string
  readonly topic: string
  readonly partition: number
  promised: number | undefined
  maybe: number[]
}

const strength = { nothing: 0, process: 1, power: 2 } as const

/** Most bytes of a record besides its value. */
const RECORD_BYTES_MOST = 40

/** Longer than `v1234.56`: the rest of a value is padding. */
const NAME_LENGTH = 10

export class PartitionModel {
  name: string
  /** Sends in the order in which the log took them. */
  order: SendState[] = []
  /** Every record that was acknowledged or seen; none is ever forgotten (P5). */
  readonly known: Map<number, string> = new Map<number, string>()
  shownEnd = 0
  logStartOffset = 0
  /** The furthest start that was ever asked for. */
  startLimit = 0

  constructor(name: string) {
    this.name = name
  }

  fork(sends: readonly SendState[]): PartitionModel {
    const fork = new PartitionModel(this.name)
    fork.order = this.order.map(({ index }) => sends[index] as SendState)
    for (const [offset, value] of this.known) fork.known.set(offset, value)
    Object.assign(fork, { shownEnd: this.shownEnd, logStartOffset: this.logStartOffset, startLimit: this.startLimit })
    return fork
  }

  digest(): unknown {
    const known = [...this.known].map(([offset, value]) => [offset, value.slice(0, NAME_LENGTH)])
    return [this.order.map(({ index }) => index), known, this.shownEnd, this.logStartOffset, this.startLimit]
  }

  /** The furthest start that leaves that many bytes if every batch is as large as it may be. */
  mayKeepOnly(bytes: number): void {
    let kept = 0
    for (const { baseOffset, values } of this.order.toReversed()) {
      if (baseOffset === undefined) continue
      kept += BATCH_HEADER_BYTES + values.reduce((sum, value) => sum + value.length + RECORD_BYTES_MOST, 0)
      if (kept < bytes) continue
      this.startLimit = Math.max(this.startLimit, baseOffset)
      return
    }
  }

  /** An acknowledgement covers everything before it in its partition, whatever acks the earlier ones had. */
  promise(send: SendState, loss: Loss): void {
    for (const each of this.order) {
      const isTaken = each === send || each.outcome !== 'refused'
      if (isTaken && strength[each.promised] < strength[loss]) each.promised = loss
      if (each === send) return
    }
  }

  /** Compares what a reader sees with what was sent: a prefix of it, whole batches, nothing twice, nothing invented. */
  match(view: PartitionView, isRecovered: boolean, violate: (promise: string, message: string) => void): void {
    const records = view.records
    let at = 0
    let missing: SendState | undefined
    const kept: SendState[] = []
    for (const send of this.order) {
      if (this.#isBelowStart(send, view)) {
        at += countOf(send, records, at)
        kept.push(send)
        continue
      }
      const found = countOf(send, records, at)
      if (found === 0) {
        if (at === 0 && this.#mayHaveGone(send, view, kept)) {
          kept.push(send)
          continue
        }
        // Behind a send that still waits nothing is visible; in a running log that can't be told from a loss.
        if (isRecovered || missing === undefined) this.#missed(send, violate)
        if (send.outcome !== 'refused') missing = send
        if (isRecovered) send.outcome = 'lost'
        else kept.push(send)
        continue
      }
      if (missing !== undefined)
        violate('P3', `${this.name}: ${send.values[0]} is there, ${missing.values[0]} before it isn't`)
      if (found < send.values.length)
        violate('P3', `${this.name}: ${found} of ${send.values.length} records of a batch`)
      this.#place(send, records[at] as SeenRecord, isRecovered, violate)
      kept.push(send)
      at += found
    }
    const stranger = records[at]
    if (stranger !== undefined) {
      violate(
        'P3',
        `${this.name}: ${stranger.value.slice(0, 20)} at offset ${stranger.offset} is invented, doubled or out of order`,
      )
    }
    this.order = kept
  }

  #missed(send: SendState, violate: (promise: string, message: string) => void): void {
    if (send.promised === 'nothing' || send.outcome === 'pending') return
    const promise = send.promised === 'power' ? 'P1' : 'P2'
    violate(
      promise,
      `${this.name}: ${send.values[0]} was acknowledged (acks ${send.acks}, offset ${send.baseOffset}) and is lost`,
    )
  }

  #place(
    send: SendState,
    first: SeenRecord,
    isRecovered: boolean,
    violate: (promise: string, message: string) => void,
  ): void {
    if (send.baseOffset !== undefined && send.baseOffset !== first.offset) {
      violate('P5', `${this.name}: ${send.values[0]} was at ${send.baseOffset} and is at ${first.offset}`)
    }
    send.baseOffset = first.offset
    if (isRecovered && (send.outcome === 'unknown' || send.outcome === 'refused')) send.outcome = 'present'
  }

  /** A batch that lies wholly below the start may be gone; of a batch that spans it the later records may be seen. */
  #isBelowStart(send: SendState, { logStartOffset }: PartitionView): boolean {
    return send.baseOffset !== undefined && send.baseOffset < Math.min(logStartOffset, this.startLimit)
  }

  /** Its answer was lost and so is its offset: it may lie below the start, unless one before it lies above. */
  #mayHaveGone(send: SendState, { logStartOffset }: PartitionView, before: readonly SendState[]): boolean {
    if (send.baseOffset !== undefined || send.outcome === 'pending') return false
    if (Math.min(logStartOffset, this.startLimit) === 0) return false
    return before.every(({ baseOffset, values }) => (baseOffset ?? 0) + values.length < logStartOffset)
  }
}

/** How many records from `at` on are the send's, without a gap in the offsets. */
function countOf(send: SendState, records: readonly SeenRecord[], at: number): number {
  const first = records[at]
  if (first === undefined) return 0
  // A batch that the log start cuts shows its later records only.
  const skipped = Math.max(0, send.values.indexOf(first.value))
  let count = 0
  while (skipped + count < send.values.length) {
    const record = records[at + count]
    if (record?.value !== send.values[skipped + count] || record?.offset !== first.offset + count) break
    count++
  }
  return count
}
