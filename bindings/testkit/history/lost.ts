import { ofSend, type Report } from './anomaly.ts'
import type { Facts, SentValue } from './facts.ts'

/**
 * What was acknowledged, and what anyone read as committed, must be in the final read. A record missing before the last
 * one is reported as lost, one missing after it as unseen: the end of the partition is gone or couldn't be read.
 */
export function checkLost(facts: Facts, report: Report): void {
  const missing = new Set<SentValue>()
  const expect = (sent: SentValue, why: () => string): void => {
    if (sent.isInFinalRead || sent.fate === 'absent') return
    const end = facts.finalEnds.get(sent.name)
    if (end === undefined || missing.has(sent)) return
    missing.add(sent)
    const isBehind = sent.offset === undefined || sent.offset > end
    const detail = `${why()}, and the final read has not got it`
    report(ofSend(isBehind ? 'unseen' : 'lost', sent.send, sent.offset, detail))
  }

  for (const sent of facts.sent) {
    const { transaction } = sent.send
    if (sent.fate === 'there')
      expect(sent, () => (transaction === undefined ? 'it was acknowledged' : `transaction ${transaction} committed`))
  }
  for (const { sent, isolation, reader } of facts.sights)
    if (sent !== undefined && isolation === 'read_committed') expect(sent, () => `${reader} read it`)
}
