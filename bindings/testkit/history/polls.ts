import { ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake } from './facts.ts'
import type { Isolation, Poll } from './history.ts'

/**
 * A consumer reads on where it stands: what it returns next is the next record that its isolation lets it see, neither one
 * further (skipped) nor one before (non-monotonic). Only a position recorded for it may move it.
 */
export function checkPolls(facts: Facts, report: Report): void {
  const orders = { read_committed: visible(facts, true), read_uncommitted: visible(facts, false) }
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
  for (const { offset, value } of poll.records) {
    const send = facts.sendOf.get(value)
    if (send !== undefined && position !== undefined && order !== undefined) {
      if (offset < position) {
        const detail = `${poll.consumer} read it again, it stood at ${position}`
        report(ofSend('non-monotonic', { ...send, topic: poll.topic, partition: poll.partition }, offset, detail))
      } else {
        const expected = order.atOrAfter(position)
        if (expected !== undefined && expected.offset < offset) {
          const passed = facts.sendOf.get(expected.value) ?? send
          report(ofSend('skipped', passed, expected.offset, `${poll.consumer} read on at ${offset}`))
        }
      }
    }
    position = offset + 1
  }
  return position
}

/** The records of a partition that a reader surely sees, by offset. */
class Order {
  readonly #values: Map<number, string> = new Map()
  #offsets: number[] | undefined
  /** Consumers mostly ask for the offset after the one that they asked for. */
  #rank = 0

  add(offset: number, value: string): void {
    this.#values.set(offset, value)
  }

  atOrAfter(position: number): { offset: number; value: string } | undefined {
    this.#offsets ??= [...this.#values.keys()].sort((a, b) => a - b)
    const offsets = this.#offsets
    if ((offsets[this.#rank] ?? -1) < position && (offsets[this.#rank + 1] ?? -1) >= position) this.#rank++
    else if (!this.#isFirstFrom(position)) this.#rank = lowerBound(offsets, position)
    const offset = offsets[this.#rank]
    return offset === undefined ? undefined : { offset, value: this.#values.get(offset) as string }
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
 * What was acknowledged or read: committed records for those who read committed, else those of open and aborted transactions
 * too. An offset is taken from the history's first word about it; who contradicts it is found by its identity.
 */
function visible(facts: Facts, isCommitted: boolean): ReadonlyMap<string, Order> {
  const orders = new Map<string, Order>()
  const add = (name: string, offset: number, value: string): void => {
    getOrMake(orders, name, () => new Order()).add(offset, value)
  }
  for (const send of facts.history.sends) {
    if (send.offset === undefined || send.outcome !== 'ok') continue
    if (!isCommitted || facts.fateOf(send) === 'there') add(facts.nameOf(send), send.offset, send.value)
  }
  for (const { name, offset, value, isolation, send } of facts.sights) {
    // What must not be there binds no other reader.
    if (send === undefined || send.outcome === 'failed') continue
    if (isCommitted && (isolation !== 'read_committed' || facts.fateOf(send) === 'absent')) continue
    add(name, offset, value)
  }
  return orders
}
