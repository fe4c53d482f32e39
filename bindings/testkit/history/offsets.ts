import type { Anomaly, AnomalyKind, Report } from './anomaly.ts'
import { type Facts, getOrMake } from './facts.ts'
import { groupPlace } from './final-offsets.ts'
import type { FinalOffset, OffsetCommit } from './history.ts'

/**
 * A group's final committed offset is that of the last commit that took effect. Commits are recorded in the order of
 * their answers, so this is the last acknowledged one or any whose outcome is unknown.
 */
export function checkOffsets(facts: Facts, report: Report): void {
  const byPlace: Map<string, OffsetCommit[]> = new Map()
  for (const commit of facts.history.commits) getOrMake(byPlace, groupPlace(commit), () => []).push(commit)
  for (const final of facts.history.finalOffsets) {
    const commits = byPlace.get(groupPlace(final)) ?? []
    const sure = commits.findLast((commit) => facts.commitFate(commit) === 'there')
    const possible = commits.filter((commit) => commit === sure || facts.commitFate(commit) === 'either')
    if (possible.some((commit) => commit.offset === final.offset)) continue
    if (sure === undefined && final.offset === -1) continue
    const was = sure === undefined ? 'none was acknowledged' : `${sure.offset} was acknowledged`
    if (sure !== undefined && final.offset < sure.offset) report(ofFinal('lost-offset', final, was))
    else report(ofFinal('phantom-offset', final, `nobody committed it; ${was}`))
  }
}

function ofFinal(kind: AnomalyKind, { group, topic, partition, offset }: FinalOffset, detail: string): Anomaly {
  return { kind, topic, partition, offset, producer: undefined, value: undefined, detail: `group ${group}: ${detail}` }
}
