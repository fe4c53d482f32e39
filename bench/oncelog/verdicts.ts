import Table from 'cli-table3'
import { higherIsBetter } from '../harness/report.ts'
import type { CaseResult, RunResult } from '../harness/runner.ts'
import { median, type Ratio, ratioOfPairs } from '../harness/statistics.ts'
import type { Figures } from '../harness/workload.ts'
import { ONCELOG, WATCHED } from './definitions.ts'
import { BOUND_TARGETS, type BoundTarget, RATIO_TARGETS, type RatioTarget } from './targets.ts'

type Verdict = 'met' | 'met, not surely' | 'MISSED, not surely' | 'MISSED' | 'FAILED' | 'not compared'

export interface JudgedRow {
  readonly row: string
  readonly target: string
  readonly measured: string
  readonly rival: string
  readonly verdict: Verdict
}

type Find = (peer: string, workload: string, valueBytes: number) => CaseResult | undefined

function finder({ cases }: Pick<RunResult, 'cases'>): Find {
  return (peer, workload, valueBytes) =>
    cases.find((one) => one.peer === peer && one.workload === workload && one.valueBytes === valueBytes)
}

function figuresOf(result: CaseResult, figure: string): number[] {
  return result.rounds.map((round) => round[figure] ?? Number.NaN)
}

/** The target's rivals that this run was asked to have: `--rival` may leave some out. */
function rivalsOf({ rivals, workload, valueBytes }: RatioTarget, find: Find): CaseResult[] {
  return rivals.map((name) => find(name, workload, valueBytes)).filter((one) => one !== undefined)
}

/** The best by the median of this run. */
function bestOf(asked: readonly CaseResult[], target: RatioTarget): CaseResult | undefined {
  const rivals = asked.filter(({ rounds }) => rounds.length > 0)
  const sign = higherIsBetter(target.figure) ? -1 : 1
  const middle = (one: CaseResult): number => sign * median(figuresOf(one, target.figure))
  return rivals.sort((left, right) => middle(left) - middle(right))[0]
}

function verdictOf(target: RatioTarget, { ratio, low, high }: Ratio): Verdict {
  if (target.surely === true) return low >= target.atLeast ? 'met' : 'MISSED'
  if (low >= target.atLeast) return 'met'
  if (ratio >= target.atLeast) return 'met, not surely'
  return high >= target.atLeast ? 'MISSED, not surely' : 'MISSED'
}

function judgeRatio(target: RatioTarget, find: Find): JudgedRow | undefined {
  const own = find(ONCELOG, target.workload, target.valueBytes)
  if (own === undefined) return undefined
  const asked = rivalsOf(target, find)
  const rival = bestOf(asked, target)
  const atLeast = `${target.surely === true ? 'surely ' : ''}>= ${target.atLeast}`
  const row = { row: target.title, target: atLeast, rival: nameOf(rival, asked.length, target) }
  if (asked.length === 0) return { ...row, measured: '', verdict: 'not compared' }
  if (rival === undefined || own.rounds.length === 0) return { ...row, measured: own.failure ?? '', verdict: 'FAILED' }
  const left = figuresOf(own, target.figure)
  const right = figuresOf(rival, target.figure)
  const result = higherIsBetter(target.figure) ? ratioOfPairs(left, right) : ratioOfPairs(right, left)
  const { ratio, low, high } = result
  const measured = `${ratio.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`
  return { ...row, measured, verdict: verdictOf(target, result) }
}

/** The fastest of a few isn't the fastest of all. */
function nameOf(rival: CaseResult | undefined, askedCount: number, { rivals }: RatioTarget): string {
  const name = rival?.peer ?? 'none ran'
  return askedCount === rivals.length ? name : `${name}, of ${askedCount} in ${rivals.length}`
}

function judgeBound(target: BoundTarget, find: Find): JudgedRow | undefined {
  const own = find(target.peer, target.workload, target.valueBytes)
  if (own === undefined) return undefined
  const base = target.above === undefined ? undefined : find(target.above, target.workload, target.valueBytes)
  const values = own.rounds.map((round, index) => {
    return target.of(round) - (base === undefined ? 0 : target.of(base.rounds[index] ?? {}))
  })
  const middle = median(values)
  const digits = target.atMost < 10 ? 3 : 1
  const unit = target.unit === '' ? '' : ` ${target.unit}`
  const row = { row: target.title, target: `<= ${+target.atMost.toFixed(2)}${unit}`, rival: target.above ?? '' }
  if (Number.isNaN(middle)) return { ...row, measured: own.failure ?? 'no figure', verdict: 'FAILED' }
  const range = `[${Math.min(...values).toFixed(digits)}, ${Math.max(...values).toFixed(digits)}]`
  const measured = `${middle.toFixed(digits)}${unit} ${range}`
  return { ...row, measured, verdict: middle <= target.atMost ? 'met' : 'MISSED' }
}

/** One row for each target whose workload ran. */
export function judge(result: Pick<RunResult, 'cases'>): JudgedRow[] {
  const find = finder(result)
  const rows = [
    ...RATIO_TARGETS.map((target) => judgeRatio(target, find)),
    ...BOUND_TARGETS.map((target) => judgeBound(target, find)),
  ]
  return rows.filter((row) => row !== undefined)
}

const plain = { style: { head: [], border: [] } }

export function verdictTable(rows: readonly JudgedRow[]): string {
  const table = new Table({ head: ['row', 'target', 'measured [95 %]', 'rival', 'verdict'], ...plain })
  for (const { row, target, measured, rival, verdict } of rows) table.push([row, target, measured, rival, verdict])
  return table.toString()
}

/** How often the ring was written over; its size is what it grew to. */
function journalRounds({ rounds }: CaseResult): string {
  const of = (figures: Figures): number => (figures['written.frames'] ?? 0) / (figures['ringBytes'] ?? 1)
  return median(rounds.map(of)).toFixed(1)
}

/** What the watched log did on the disk, medians of the run's rounds. */
export function diskTable({ cases }: RunResult): string {
  const head = [
    'workload',
    'frames',
    'bypassed',
    'journal rounds',
    'checkpoints',
    'flushes by file',
    'written/B by file',
  ]
  const table = new Table({ head, ...plain })
  for (const one of cases) {
    if (one.peer !== WATCHED || one.rounds.length === 0) continue
    const middle = (name: string): number => median(one.rounds.map((round) => round[name] ?? 0))
    const names = new Set(one.rounds.flatMap((round) => Object.keys(round)))
    const each = (group: string, show: (value: number) => string): string => {
      const own = [...names].filter((name) => name.startsWith(`${group}.`) && middle(name) > 0)
      return own.map((name) => `${name.slice(group.length + 1)} ${show(middle(name))}`).join(', ')
    }
    const frames = middle('frames')
    table.push([
      `${one.workload} ${one.valueBytes} B`,
      frames,
      frames === 0 ? '' : `${((100 * middle('bypassed')) / frames).toFixed(1)} %`,
      journalRounds(one),
      middle('flushes.checkpoint'),
      each('flushes', String),
      each('written', (value) => (value / middle('payload')).toFixed(2)),
    ])
  }
  return table.toString()
}
