import { ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake, type SentValue } from './facts.ts'

/** A transaction's first record in a partition. */
interface Opening {
  readonly sent: SentValue
  readonly offset: number
  /** Until then it is open. */
  readonly askedAt: number
}

/**
 * Before the commit of a transaction was asked for, the transaction was open, and committed reads must have ended
 * before its first record. Of an aborted one nobody knows since when: its timeout or another instance of its producer
 * may have aborted it.
 */
export function checkPastOpen(facts: Facts, report: Report): void {
  const openings = longestBefore(facts)
  const reported = new Set<Opening>()
  for (const { name, offset, isolation, answeredAt, reader, sent } of facts.sights) {
    if (isolation !== 'read_committed') continue
    const open = lastBefore(openings.get(name) ?? [], offset)?.longest
    if (open === undefined || answeredAt >= open.askedAt || reported.has(open)) continue
    const { transaction } = open.sent.send
    // Records of the transaction itself are checked by `checkAborted`.
    if (sent?.send.transaction === transaction) continue
    reported.add(open)
    const detail = `${reader} read on at ${offset} before transaction ${transaction} was to commit`
    report(ofSend('uncommitted-read', open.sent.send, open.offset, detail))
  }
}

interface Step {
  readonly offset: number
  /** Of all that begin here or before, the one that was open for longest. */
  readonly longest: Opening
}

function longestBefore(facts: Facts): ReadonlyMap<string, readonly Step[]> {
  const steps = new Map<string, readonly Step[]>()
  for (const [name, firsts] of openingsOf(facts)) {
    let longest: Opening | undefined
    const inOrder = [...firsts.values()].sort((a, b) => a.offset - b.offset)
    steps.set(
      name,
      inOrder.map((opening) => {
        if (longest === undefined || opening.askedAt > longest.askedAt) longest = opening
        return { offset: opening.offset, longest }
      }),
    )
  }
  return steps
}

/** By partition and transaction. */
function openingsOf(facts: Facts): ReadonlyMap<string, ReadonlyMap<string, Opening>> {
  const openings = new Map<string, Map<string, Opening>>()
  for (const sent of facts.sent) {
    const { transaction, outcome } = sent.send
    if (transaction === undefined || outcome === 'failed' || sent.offset === undefined || !facts.mustBeSeen(sent))
      continue
    const askedAt = facts.endOf.get(transaction)?.askedAt
    if (askedAt === undefined) continue
    const firsts = getOrMake(openings, sent.name, () => new Map<string, Opening>())
    const first = firsts.get(transaction)
    if (first === undefined || sent.offset < first.offset)
      firsts.set(transaction, { sent, offset: sent.offset, askedAt })
  }
  return openings
}

function lastBefore(steps: readonly Step[], offset: number): Step | undefined {
  let low = 0
  let high = steps.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((steps[middle] as Step).offset < offset) low = middle + 1
    else high = middle
  }
  return steps[low - 1]
}
