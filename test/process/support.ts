// What the tests of process work on: payments come in, totals are kept of them, receipts go out.
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { type EmbeddedLog, json, type Log, string, type Topic, topic, unchecked } from '../../bindings/entry/node.ts'
import type { OpenLog } from '../client/stores.ts'

export interface Payment {
  readonly account: string
  readonly amount: number
}

export const payments: Topic<'payments', string, string, Payment, Payment> = topic('payments', {
  value: unchecked<Payment>(json()),
  partitions: 3,
})
export const totals: Topic<'totals', string, string, number, number> = topic('totals', {
  key: string,
  value: unchecked<number>(json()),
  partitions: 3,
  config: { 'cleanup.policy': 'compact' },
})
interface Receipt {
  readonly account: string
  readonly total: number
}

export const receipts: Topic<'receipts', string, string, Receipt, Receipt> = topic('receipts', {
  value: unchecked<Receipt>(json()),
})

export async function opened(open: OpenLog, count: number): Promise<EmbeddedLog> {
  const log = await open({ topics: [payments, totals, receipts] })
  const records = Array.from({ length: count }, (_, index) => {
    const account = `a${index % 11}`
    return payments.record({ key: account, value: { account, amount: index } })
  })
  await log.producer().send(records)
  return log
}

export async function values<V>(log: Log, from: typeof receipts | typeof totals): Promise<V[]> {
  const seen: V[] = []
  for await (const { value } of log.read(from, { until: 'end' })) seen.push(value as V)
  return seen
}

export function expected(count: number): Map<string, number> {
  const sums = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const account = `a${index % 11}`
    sums.set(account, (sums.get(account) ?? 0) + index)
  }
  return sums
}

/** How many fetches of the topic began. Whoever reads it to an end has asked by then where that is. */
export function fetchesOf(broker: EmbeddedBroker, topic: string): () => number {
  const openReader = broker.openReader.bind(broker)
  let begun = 0
  broker.openReader = () => {
    const reader = openReader()
    const fetch = reader.fetch.bind(reader)
    reader.fetch = (request) => {
      if (request.positions.some((each) => each.topic === topic)) begun++
      return fetch(request)
    }
    return reader
  }
  return () => begun
}
