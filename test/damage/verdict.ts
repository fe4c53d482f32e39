import type { Observation, Told } from './observe.ts'

/** What one harm led to; `silent` and `placeless` are the ones that must not be. */
export interface Verdict {
  readonly outcome: string
  readonly isAllowed: boolean
  /** What was seen that is wrong. */
  readonly why: string
}

/**
 * All as before; or every fact that is missing or other than before stands beside an error or a report that names file
 * and position. Whatever is told of damage, no record is delivered that was never written, or at another offset.
 */
export function judge(before: Observation, after: Observation): Verdict {
  const changed = [...before.facts].filter(([name, fact]) => after.facts.get(name) !== fact).map(([name]) => name)
  const added = [...after.facts.keys()].filter((name) => !before.facts.has(name))
  const placeless = after.told.find((each) => !hasPlace(each))
  if (placeless !== undefined) return refused('placeless', `${placeless.code} without a place: ${placeless.message}`)
  const invented = changed.find((name) => name.startsWith('records of') && isInvented(before, after, name))
  if (invented !== undefined) return refused('invented', `${invented}: ${after.facts.get(invented)}`)
  if (after.told.length > 0) {
    const codes = [...new Set(after.told.map(({ code }) => code))].sort().join(' + ')
    return { outcome: `${codes}${changed.length === 0 ? ', all as before' : ''}`, isAllowed: true, why: '' }
  }
  if (changed.length + added.length === 0) return { outcome: 'all as before', isAllowed: true, why: '' }
  const first = changed[0] ?? added[0] ?? ''
  return refused('silent', `${first}: ${after.facts.get(first)} instead of ${before.facts.get(first)}`)
}

function refused(outcome: string, why: string): Verdict {
  return { outcome, isAllowed: false, why }
}

function hasPlace({ file, position }: Told): boolean {
  return typeof file === 'string' && file !== '' && Number.isSafeInteger(position)
}

function isInvented(before: Observation, after: Observation, name: string): boolean {
  const listOf = ({ facts }: Observation) =>
    (JSON.parse(facts.get(name) ?? '[]') as unknown[]).map((each) => JSON.stringify(each))
  const written = new Set(listOf(before))
  return listOf(after).some((record) => !written.has(record))
}
