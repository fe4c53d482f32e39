import { checkAborted } from './aborted.ts'
import type { Anomaly } from './anomaly.ts'
import { Facts } from './facts.ts'
import type { History } from './history.ts'
import { checkIdentity } from './identity.ts'
import { checkLost } from './lost.ts'
import { checkOffsets } from './offsets.ts'
import { checkOrder } from './order.ts'
import { checkPolls } from './polls.ts'
import { checkTorn } from './torn.ts'

export interface HistoryVerdict {
  readonly anomalies: readonly Anomaly[]
  /** Sends, records read, positions, transaction ends, offset commits. */
  readonly operationCount: number
  /** Partitions sent to that no final read covers: nothing of them can be lost, unseen or torn as far as this looks. */
  readonly unreadPartitions: readonly string[]
}

/**
 * What in this history can't have happened under Kafka's guarantees, by what clients did and saw alone. Linear but for
 * sorting.
 */
export function checkHistory(history: History): HistoryVerdict {
  const facts = new Facts(history)
  const anomalies: Anomaly[] = []
  const report = (anomaly: Anomaly): void => {
    anomalies.push(anomaly)
  }
  const families = [checkIdentity, checkAborted, checkLost, checkTorn, checkPolls, checkOrder, checkOffsets]
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
