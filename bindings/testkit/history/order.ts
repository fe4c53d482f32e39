import { ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake } from './facts.ts'

/**
 * A producer's records stand in each partition in the order in which it sent them. Sends are recorded in that order.
 */
export function checkOrder(facts: Facts, report: Report): void {
  const last = new Map<string, Map<string, { offset: number; value: string }>>()
  for (const { send, name, offset } of facts.sent) {
    if (send.outcome === 'failed' || offset === undefined) continue
    const byPartition = getOrMake(last, send.producer, () => new Map())
    const before = byPartition.get(name)
    if (before !== undefined && offset < before.offset)
      report(ofSend('order', send, offset, `it was sent after value ${before.value}, which is at ${before.offset}`))
    else byPartition.set(name, { offset, value: send.value })
  }
}
