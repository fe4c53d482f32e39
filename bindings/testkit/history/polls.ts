import { ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake, type SentValue } from './facts.ts'
import type { Isolation, Poll, Send } from './history.ts'

/**
 * A consumer reads on from where it stands: the next record that it returns must be the next one that its isolation
 * level shows, neither a later one (skipped) nor an earlier one (non-monotonic). Only a position recorded for it may
 * move it.
 */
export function checkPolls(facts: Facts, report: Report): void {
  const orders = {
    read_committed: visible(facts, 'read_committed'),
    read_uncommitted: visible(facts, 'read_uncommitted'),
  }
  /** By consumer and partition: the offset from which it reads on. */
  const next = new Map<string, number>()
  for (const step of facts.history.steps) {
    const key = `${step.consumer}/${facts.nameOf(step)}`
    if (step.step === 'position') next.set(key, step.offset)
    else {
      const after = follow(facts, orders, step, next.get(key), report)
      if (after !== undefined) next.set(key, after)
    }
  }
  // What a final read passes over is lost (`checkLost`).
  for (const { topic, partition, records } of facts.history.finalReads) {
    let position = 0
    for (const { offset, value } of records) {
      const detail = `final read read it again, it stood at ${position}`
      if (offset < position)
        report({ kind: 'non-monotonic', topic, partition, offset, producer: undefined, value, detail })
      position = offset + 1
    }
  }
}

type Orders = Readonly<Record<Isolation, ReadonlyMap<string, Order>>>

function follow(
  facts: Facts,
  orders: Orders,
  poll: Poll,
  from: number | undefined,
  report: Report,
): number | undefined {
  const order = orders[poll.isolation].get(facts.nameOf(poll))
  let position = from
  for (const { offset } of poll.records) {
    if (position !== undefined && order !== undefined) {
      if (offset < position) {
        const detail = `${poll.consumer} read it again, it stood at ${position}`
        const { topic, partition } = poll
        const { producer, value } = order.at(offset) ?? { producer: undefined, value: undefined }
        report({ kind: 'non-monotonic', topic, partition, offset, producer, value, detail })
      } else {
        const expected = order.atOrAfter(position)
        if (expected !== undefined && expected.offset < offset)
          report(ofSend('skipped', expected.send, expected.offset, `${poll.consumer} read on at ${offset}`))
      }
    }
    position = offset + 1
  }
  return position
}

/** The records of a partition that a reader surely sees, by offset. */
class Order {
  readonly #sends: Map<number, Send> = new Map()
  #offsets: number[] | undefined
  /** Consumers mostly ask for the offset after the one that they asked for. */
  #rank = 0

  add(offset: number, send: Send): void {
    this.#sends.set(offset, send)
  }

  at(offset: number): Send | undefined {
    return this.#sends.get(offset)
  }

  atOrAfter(position: number): { offset: number; send: Send } | undefined {
    this.#offsets ??= [...this.#sends.keys()].sort((a, b) => a - b)
    const offsets = this.#offsets
    if ((offsets[this.#rank] ?? -1) < position && (offsets[this.#rank + 1] ?? -1) >= position) this.#rank++
    else if (!this.#isFirstFrom(position)) this.#rank = lowerBound(offsets, position)
    const offset = offsets[this.#rank]
    return offset === undefined ? undefined : { offset, send: this.#sends.get(offset) as Send }
  }

  #isFirstFrom(position: number): boolean {
    const offsets = this.#offsets as number[]
    return (offsets[this.#rank] ?? -1) >= position && (offsets[this.#rank - 1] ?? -1) < position
  }
}

function lowerBound(sorted: readonly number[], wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What was acknowledged or read: committed records for those who read committed, else those of open and aborted
 * transactions too. If the history names two values for one offset, the first counts; `checkIdentity` reports the
 * conflict.
 */
function visible(facts: Facts, level: Isolation): ReadonlyMap<string, Order> {
  const isCommitted = level === 'read_committed'
  const orders = new Map<string, Order>()
  const add = ({ send, name }: SentValue, offset: number): void => {
    getOrMake(orders, name, () => new Order()).add(offset, send)
  }
  for (const sent of facts.sent) {
    const { outcome, offset } = sent.send
    if (offset !== undefined && outcome === 'ok' && (!isCommitted || facts.mustBeSeen(sent))) add(sent, offset)
  }
  for (const { name, offset, isolation, sent } of facts.sights) {
    // A value that mustn't be there is reported elsewhere; no other reader has to see it.
    if (sent === undefined || sent.send.outcome === 'failed' || sent.name !== name) continue
    if (isCommitted && (isolation !== 'read_committed' || sent.fate === 'absent')) continue
    add(sent, offset)
  }
  return orders
}
