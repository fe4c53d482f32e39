import { ofSend, type Report } from './anomaly.ts'
import type { Facts } from './facts.ts'

/**
 * Nobody may see a send that surely failed, nor read_committed one of a transaction that hasn't committed. Each value
 * is reported once.
 */
export function checkAborted(facts: Facts, report: Report): void {
  const reported = new Set<string>()
  for (const { value, offset, isolation, answeredAt, reader, sent } of facts.sights) {
    const send = sent?.send
    if (send === undefined || reported.has(value)) continue
    if (send.outcome === 'failed') {
      reported.add(value)
      report(ofSend('aborted-read', send, offset, `${reader} read it, its send had failed`))
      continue
    }
    if (send.transaction === undefined || isolation !== 'read_committed') continue
    const end = facts.endOf.get(send.transaction)
    if (end?.outcome === 'aborted') {
      reported.add(value)
      report(ofSend('aborted-read', send, offset, `${reader} read it, transaction ${end.id} was aborted`))
    } else if (end !== undefined && answeredAt < end.askedAt) {
      reported.add(value)
      report(ofSend('uncommitted-read', send, offset, `${reader} read it before transaction ${end.id} was to commit`))
    }
  }
}
