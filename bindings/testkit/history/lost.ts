import { ofSend, type Report } from './anomaly.ts'
import type { Facts } from './facts.ts'
import type { Send } from './history.ts'

/**
 * What was acknowledged, and what anyone read as committed, is in the final read. Behind its last record a missing one is
 * unseen (the end is gone, or not readable), before it lost.
 */
export function checkLost(facts: Facts, report: Report): void {
  const ends = new Map<string, number>()
  for (const read of facts.history.finalReads) ends.set(facts.nameOf(read), read.records.at(-1)?.offset ?? -1)
  const missing = new Set<string>()

  const expect = (send: Send, why: () => string): void => {
    const { value } = send
    const found = facts.finalOf.get(facts.nameOf(send))
    if (found === undefined || found.has(value) || missing.has(value) || facts.fateOf(send) === 'absent') return
    missing.add(value)
    const offset = facts.offsetOf(value)
    const isBehind = offset === undefined || offset > (ends.get(facts.nameOf(send)) ?? -1)
    report(ofSend(isBehind ? 'unseen' : 'lost', send, offset, `${why()}, and the final read has not got it`))
  }

  for (const send of facts.history.sends) {
    const { transaction } = send
    if (facts.fateOf(send) === 'there')
      expect(send, () => (transaction === undefined ? 'it was acknowledged' : `transaction ${transaction} committed`))
  }
  for (const { send, isolation, reader } of facts.sights)
    if (send !== undefined && isolation === 'read_committed') expect(send, () => `${reader} read it`)
}
