import Table from 'cli-table3'
import type { WorkloadName } from './peer.ts'
import type { CaseResult, RunResult } from './runner.ts'
import { median, ratioOfPairs } from './statistics.ts'

interface Column {
  readonly figure: string
  readonly title: string
  readonly show: (value: number) => string
}

const rate = (value: number): string => {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`
  return value >= 1e3 ? `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k` : value.toFixed(0)
}
const ms = (value: number): string => value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1)
const times = (value: number): string => value.toFixed(2)
const column = (figure: string, title: string, show: Column['show']): Column => ({ figure, title, show })

const P50: Column = column('p50Ms', 'p50 ms', ms)
const P99: Column = column('p99Ms', 'p99', ms)
const P999: Column = column('p999Ms', 'p99.9', ms)
const MAX: Column = column('maxMs', 'max', ms)
const RATE: Column = column('recordsPerSecond', 'rec/s', rate)
const WRITTEN: Column = column('passedPerPayloadByte', 'written/B', times)
const DIRTIED: Column = column('dirtiedPerPayloadByte', 'dirtied/B', times)
const DISK: Column = column('diskPerPayloadByte', 'disk/B', times)
const MEMORY: Column = column('rssGrowthMb', 'RSS + MB', (value) => value.toFixed(0))
const DURABLE: readonly Column[] = [P50, P99, P999, MAX, RATE, WRITTEN, DIRTIED]

// The first column decides the ratio; whether more or less of it is better follows from its unit.
const COLUMNS: Readonly<Record<WorkloadName, readonly Column[]>> = {
  bulk: [RATE, column('recordsPerSecondBeforeClose', 'before close', rate), WRITTEN, DIRTIED, DISK, MEMORY],
  'durable-100': DURABLE,
  'durable-1': DURABLE,
  'producers-64': [RATE, P50, P99, P999, MAX, WRITTEN, DIRTIED],
  group: DURABLE.filter((each) => each !== RATE),
  transactions: DURABLE.filter((each) => each !== RATE),
  'transactions-64': [column('transactionsPerSecond', 'transactions/s', rate), P50, P99, P999, MAX, WRITTEN, DIRTIED],
  process: [RATE, WRITTEN, DIRTIED, MEMORY],
  ingest: [RATE, WRITTEN, DIRTIED, MEMORY],
  scan: [RATE, column('checked', 'checked', (value) => (value === 1 ? 'yes' : 'no')), MEMORY],
  read: [column('readsPerSecond', 'reads/s', rate), P50, P99, P999, MEMORY],
  'follow-relaxed': [P50, P99, P999, MAX],
  'follow-durable': [P50, P99, P999, MAX],
  reopen: [
    column('durableAckMs', 'to ack ms', ms),
    column('openMs', 'open ms', ms),
    column('lastRecordMs', 'to last record ms', ms),
    column('importMs', 'import ms', ms),
  ],
  'cold-start': [
    column('openToDurableAckMs', 'open to ack ms', ms),
    column('importMs', 'import ms', ms),
    column('sinceProcessStartMs', 'process to ack ms', ms),
  ],
}

function middle(result: CaseResult, figure: string): number {
  return median(result.rounds.map((round) => round[figure] ?? Number.NaN))
}

export const higherIsBetter = (figure: string): boolean => figure.endsWith('PerSecond')

/** How many times better `left` is than `right`, over the rounds that both have: a pair each. */
function advantage(left: CaseResult, right: CaseResult, figure: string): ReturnType<typeof ratioOfPairs> {
  const pick = (result: CaseResult): number[] => result.rounds.map((round) => round[figure] ?? Number.NaN)
  return higherIsBetter(figure) ? ratioOfPairs(pick(left), pick(right)) : ratioOfPairs(pick(right), pick(left))
}

/** What is compared: the first column, and p99.9 where the workload is about waiting for the disk. */
function decidingFigures(columns: readonly Column[]): readonly string[] {
  const first = (columns[0] as Column).figure
  return columns === DURABLE ? [first, 'p999Ms'] : [first]
}

function ratioCell(one: CaseResult, baseline: CaseResult | undefined, figure: string): string {
  if (baseline === undefined || one === baseline) return one === baseline ? '1' : ''
  const { ratio, low, high, pairs } = advantage(one, baseline, figure)
  if (pairs === 0) return ''
  return Number.isNaN(low) ? times(ratio) : `${times(ratio)} [${times(low)}, ${times(high)}]`
}

/** One table per workload and value size, best first; ratios say how many times better than the baseline a row is. */
export function formatReport(result: RunResult, baselines: readonly string[], colours: boolean): string {
  const parts: string[] = [`fdatasync of 4 KiB in place, p50 of this run: ${ms(result.fdatasyncP50Ms)} ms`]
  const groups = new Map<string, CaseResult[]>()
  for (const one of result.cases) {
    const key = `${one.workload}, ${one.valueBytes} B values, ${one.records} records`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  for (const [title, group] of groups) {
    const columns = COLUMNS[(group[0] as CaseResult).workload]
    const compared = decidingFigures(columns)
    const deciding = compared[0] as string
    const measured = group.filter((one) => one.rounds.length > 0)
    const baseline = baselines.map((name) => measured.find((one) => one.peer === name)).find((one) => one !== undefined)
    const sign = higherIsBetter(deciding) ? -1 : 1
    measured.sort((left, right) => sign * (middle(left, deciding) - middle(right, deciding)))
    const table = new Table({
      head: ['peer', ...columns.map((one) => one.title), `times ${baseline?.peer ?? ''} [95 %]`, 'at p99.9'].slice(
        0,
        1 + columns.length + compared.length,
      ),
      ...(colours ? {} : { style: { head: [], border: [] } }),
    })
    for (const one of measured) {
      const cells = columns.map((each) => {
        const value = middle(one, each.figure)
        return Number.isNaN(value) ? '' : each.show(value)
      })
      table.push([one.peer, ...cells, ...compared.map((figure) => ratioCell(one, baseline, figure))])
    }
    parts.push(`${title}, ${measured[0]?.rounds.length ?? 0} rounds\n${table.toString()}`)
    for (const one of group) if (one.failure !== undefined) parts.push(`${one.peer} FAILED: ${one.failure}`)
  }
  return `${parts.join('\n\n')}\n`
}
