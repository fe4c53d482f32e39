import { type Anomaly, ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake, type SentValue } from './facts.ts'
import type { OffsetCommit } from './history.ts'

interface Parts {
  readonly sends: SentValue[]
  readonly commits: OffsetCommit[]
}

/** All records of a transaction are in the final reads, or none; and its offsets go with them. */
export function checkTorn(facts: Facts, report: Report): void {
  const finalOffsets = new Map(facts.history.finalOffsets.map((final) => [groupPlace(final), final.offset]))
  const others = offsetsByPlace(facts)
  for (const [id, { sends, commits }] of partsOf(facts)) {
    const drained = sends.filter((sent) => facts.finalEnds.has(sent.name))
    const [firstThere] = drained.filter((sent) => sent.isInFinalRead)
    const [firstMissing] = drained.filter((sent) => !sent.isInFinalRead)
    if (firstThere !== undefined && firstMissing !== undefined) {
      const detail = `transaction ${id} has value ${firstThere.send.value} in ${firstThere.name} and not this one`
      report(ofSend('torn-transaction', firstMissing.send, firstMissing.offset, detail))
      continue
    }
    if (facts.endFate(id) !== 'either' || drained.length === 0) continue
    for (const commit of commits) {
      const final = finalOffsets.get(groupPlace(commit))
      if (final === undefined) continue
      if (firstThere !== undefined && final < commit.offset)
        report(
          ofCommit(commit, firstThere.send.producer, `transaction ${id} has its records there, and not this offset`),
        )
      const isOnlyOne = others.get(groupPlace(commit))?.get(commit.offset) === 1
      if (firstThere === undefined && final === commit.offset && isOnlyOne)
        report(
          ofCommit(commit, drained[0]?.send.producer, `transaction ${id} has this offset there, and not its records`),
        )
    }
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

function groupPlace({ group, topic, partition }: { group: string; topic: string; partition: number }): string {
  return `${group}/${topic}-${partition}`
}

/** How many commits of a group name an offset: one that is named once can only come from there. */
function offsetsByPlace({ history }: Facts): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const places = new Map<string, Map<number, number>>()
  for (const commit of history.commits) {
    const counts = getOrMake(places, groupPlace(commit), () => new Map<number, number>())
    counts.set(commit.offset, (counts.get(commit.offset) ?? 0) + 1)
  }
  return places
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
