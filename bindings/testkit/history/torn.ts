import { type Anomaly, ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake, type SentValue } from './facts.ts'
import { FinalOffsets } from './final-offsets.ts'
import type { OffsetCommit } from './history.ts'

interface Parts {
  readonly sends: SentValue[]
  readonly commits: OffsetCommit[]
}

/** All of a transaction is there, or nothing: its records in every partition, and its offsets in every group. */
export function checkTorn(facts: Facts, report: Report): void {
  const offsets = new FinalOffsets(facts)
  for (const [id, { sends, commits }] of partsOf(facts)) {
    const fate = facts.endFate(id)
    const recordThere = sends.find((sent) => sent.isInFinalRead || (sent.isSeenCommitted && fate !== 'absent'))
    const recordMissing = sends.find(
      (sent) => facts.finalEnds.has(sent.name) && !sent.isInFinalRead && !sent.isSeenCommitted,
    )
    if (recordThere !== undefined && recordMissing !== undefined) {
      const detail = `transaction ${id} has value ${recordThere.send.value} in ${recordThere.name} and not this one`
      report(ofSend('torn-transaction', recordMissing.send, recordMissing.offset, detail))
      continue
    }
    // If its end was answered, its offsets are judged by that.
    if (fate !== 'either') continue
    const offsetThere = commits.find((commit) => offsets.isThere(commit))
    const offsetMissing = commits.find((commit) => offsets.isMissing(commit))
    const tell = (commit: OffsetCommit, what: string): void =>
      report(ofCommit(commit, sends[0]?.send.producer, `transaction ${id} has ${what}`))
    if (recordThere !== undefined && offsetMissing !== undefined)
      tell(offsetMissing, 'its records there, and not this offset')
    else if (recordMissing !== undefined && offsetThere !== undefined)
      tell(offsetThere, 'this offset there, and not its records')
    else if (offsetThere !== undefined && offsetMissing !== undefined)
      tell(offsetMissing, `offset ${offsetThere.offset} of ${facts.nameOf(offsetThere)} there, and not this one`)
  }
}

function partsOf({ history, sent }: Facts): ReadonlyMap<string, Parts> {
  const parts = new Map<string, Parts>()
  const of = (id: string): Parts => getOrMake(parts, id, () => ({ sends: [], commits: [] }))
  for (const one of sent)
    if (one.send.transaction !== undefined && one.send.outcome !== 'failed') of(one.send.transaction).sends.push(one)
  for (const commit of history.commits)
    if (commit.transaction !== undefined) of(commit.transaction).commits.push(commit)
  return parts
}

function ofCommit(
  { group, topic, partition, offset }: OffsetCommit,
  producer: string | undefined,
  detail: string,
): Anomaly {
  return {
    kind: 'torn-transaction',
    topic,
    partition,
    offset,
    producer,
    value: undefined,
    detail: `group ${group}: ${detail}`,
  }
}
