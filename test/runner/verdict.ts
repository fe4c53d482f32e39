/**
 * What a finished test file counts for. uvu exits with 0 although nothing ran when a hook throws, `run()` is forgotten
 * or `only` is left in; so its closing lines are read instead, and whatever isn't plainly a pass is a failure.
 */
import { stripVTControlCharacters } from 'node:util'

export interface Ending {
  readonly output: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOutAfterMs: number | undefined
}

export interface Verdict {
  readonly passed: number
  readonly failed: number
  readonly reasons: readonly string[]
}

/** Reasons in the text of a test file why its summary couldn't be believed. */
export function sourceFaults(source: string): string[] {
  const faults: string[] = []
  if (/\.only\s*\(/.test(source)) faults.push('`.only(` leaves tests out')
  if (/\.skip\s*\(/.test(source)) faults.push('`.skip(` leaves tests out')
  const suites = [...source.matchAll(/\b(?:const|let)\s+(\w+)(?:\s*:[^=\n]+)?\s*=\s*suite\s*[(<]/g)].map(
    (match) => match[1] ?? '',
  )
  if (/import\s*\{[^}]*\btest\b[^}]*\}\s*from\s*['"]uvu['"]/.test(source)) suites.push('test')
  for (const name of suites) {
    if (!new RegExp(`\\b${name}\\.run\\s*\\(`).test(source)) faults.push(`\`${name}.run()\` is missing`)
  }
  return faults
}

export function judge(ending: Ending, faultsOfSource: readonly string[]): Verdict {
  const reasons = [...faultsOfSource]
  const counts = readSummary(ending.output)
  const passed = counts?.passed ?? 0
  const notPassed = counts === undefined ? 0 : counts.total - counts.passed

  if (ending.timedOutAfterMs !== undefined) reasons.push(`killed after ${ending.timedOutAfterMs} ms`)
  else if (ending.signal !== null) reasons.push(`ended by ${ending.signal}`)
  else if (ending.exitCode !== 0 && notPassed === 0) reasons.push(`exit code ${ending.exitCode}, though no test failed`)
  else if (ending.exitCode === 0 && notPassed > 0) {
    reasons.push('uvu swallowed what a hook threw')
  }
  if (counts === undefined) reasons.push('no summary: the file broke off before its tests were done')
  else {
    if (counts.total === 0) reasons.push('no test ran')
    if (counts.skipped > 0) reasons.push(`${counts.skipped} skipped`)
  }
  return { passed, failed: notPassed > 0 ? notPassed : Math.min(1, reasons.length), reasons }
}

interface Summary {
  readonly total: number
  readonly passed: number
  readonly skipped: number
}

/** uvu's closing lines, the last ones in the output; `undefined` unless they are whole and agree. */
function readSummary(output: string): Summary | undefined {
  const text = stripVTControlCharacters(output).replaceAll('\r', '')
  const blocks = [...text.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n {2}Duration: /gm)]
  const last = blocks.at(-1)
  if (last === undefined) return undefined
  const [total, passed, skipped] = last.slice(1).map(Number)
  if (total === undefined || passed === undefined || skipped === undefined || passed > total) return undefined
  return { total, passed, skipped }
}
