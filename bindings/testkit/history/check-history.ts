import { checkAborted } from './aborted.ts'
import type { Anomaly } from './anomaly.ts'
import { Facts } from './facts.ts'
import type { History } from './history.ts'
import { checkIdentity } from './identity.ts'
import { checkLost } from './lost.ts'
import { checkOffsets } from './offsets.ts'
import { checkOrder } from './order.ts'
import { checkPastOpen } from './past-open.ts'
import { checkPolls } from './polls.ts'
import { checkTorn } from './torn.ts'

export interface HistoryVerdict {
  readonly anomalies: readonly Anomaly[]
  /** Sends, records read, positions, transaction ends, offset commits. */
  readonly operationCount: number
  /** Partitions that were sent to without a final read: nothing of them is reported as lost, unseen or torn. */
  readonly unreadPartitions: readonly string[]
}

/**
 * Finds what Kafka's guarantees rule out, only from what clients did and saw. Takes time in proportion to the history,
 * except for sorting.
 */
export function checkHistory(history: History): HistoryVerdict {
  const facts = new Facts(history)
  const anomalies: Anomaly[] = []
  const report = (anomaly: Anomaly): void => {
    anomalies.push(anomaly)
  }
  const families = [
    checkIdentity,
    checkAborted,
    checkPastOpen,
    checkLost,
    checkTorn,
    checkPolls,
    checkOrder,
    checkOffsets,
  ]
  for (const check of families) check(facts, report)
  const sentTo = new Set(facts.sent.map((sent) => sent.name))
  const unreadPartitions = [...sentTo].filter((name) => !facts.finalEnds.has(name))
  return { anomalies, operationCount: operationsOf(history), unreadPartitions }
}

function operationsOf(history: History): number {
  let count = history.sends.length + history.transactions.length + history.commits.length
  for (const step of history.steps) count += step.step === 'poll' ? step.records.length : 1
  return count
}
