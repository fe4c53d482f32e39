import { writeFileSync } from 'node:fs'
import { numberOf, oneOf, optionsOf } from '../test/command-line.ts'
import { machineFacts } from './harness/machine.ts'
import type { PeerDefinition, WorkloadName } from './harness/peer.ts'
import { formatReport } from './harness/report.ts'
import { type RunResult, run } from './harness/runner.ts'
import { RECORDS } from './harness/sizes.ts'
import { ONCELOG, oncelogs, WATCHED } from './oncelog/definitions.ts'
import { BOUND_TARGETS, RATIO_TARGETS, SHOWN } from './oncelog/targets.ts'
import { diskTable, judge, verdictTable } from './oncelog/verdicts.ts'
import { peers } from './peers/peer.ts'

const WORKLOADS = Object.keys(RECORDS.full) as WorkloadName[]
const RIVALS = [...new Set(RATIO_TARGETS.flatMap(({ rivals }) => rivals))]

const HELP = `oncelog against its rivals: one row for each target, measured in interleaved rounds.
  --row NAMES        workloads whose rows are judged (all): ${WORKLOADS.join(',')}
  --value BYTES      value sizes (100,1024)
  --rounds N         each case once a round, shuffled; N pairs for a ratio (15)
  --quick            small record counts and, unless said, 3 rounds: a hint, no figure to publish
  --rival NAMES      only these rivals, and what is shown beside
  --details          every measured figure of every peer, too
  --directory DIR    where the stores are written (the system's temporary directory)
  --prefix WORDS     put before each case's command, such as "taskset -c 1"
  --seed N           of the shuffle (1)
  --json FILE        every figure of every round as JSON
`

const option = { type: 'string' } as const
const options = {
  row: option,
  value: { type: 'string', default: '100,1024' },
  rounds: option,
  quick: { type: 'boolean', default: false },
  rival: option,
  details: { type: 'boolean', default: false },
  directory: option,
  prefix: option,
  seed: { type: 'string', default: '1' },
  json: option,
  help: { type: 'boolean', default: false },
} as const
const { values } = optionsOf({ options }, HELP)

const split = (text: string): string[] => text.split(',')

/** Who takes part in what: the log, the rivals of the workload's rows, and what is shown beside. */
function participants(workloads: readonly WorkloadName[], rivals: readonly string[] | undefined): PeerDefinition[] {
  const wanted = (workload: WorkloadName): Set<string> => {
    const ratios = RATIO_TARGETS.filter((target) => target.workload === workload).flatMap((target) => target.rivals)
    const bounds = BOUND_TARGETS.filter((target) => target.workload === workload)
    const beside = [...(SHOWN[workload] ?? []), ...bounds.flatMap(({ above }) => above ?? [])]
    return new Set([ONCELOG, WATCHED, ...ratios.filter((name) => rivals?.includes(name) ?? true), ...beside])
  }
  return [...oncelogs, ...peers]
    .map((peer) => {
      return {
        ...peer,
        workloads: peer.workloads.filter((each) => workloads.includes(each) && wanted(each).has(peer.name)),
      }
    })
    .filter((peer) => peer.workloads.length > 0)
}

async function measure(): Promise<RunResult> {
  const workloads = split(values.row ?? WORKLOADS.join(',')).map((name) => oneOf('row', name, WORKLOADS))
  const rivals =
    values.rival === undefined ? undefined : split(values.rival).map((name) => oneOf('rival', name, RIVALS))
  const sizes = RECORDS[values.quick ? 'quick' : 'full']
  const result = await run({
    peers: participants(workloads, rivals),
    workloads,
    valueBytes: split(values.value).map((text) => numberOf('--value', text, 1)),
    rounds: numberOf('--rounds', values.rounds ?? (values.quick ? '3' : '15'), 1),
    records: (workload, valueBytes) => sizes[workload][valueBytes > 256 ? 1 : 0] as number,
    seed: numberOf('--seed', values.seed, 0),
    directory: values.directory,
    prefix: values.prefix?.split(' '),
    onCase: (done, all, label) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${done + 1}/${all} ${label}`)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  return result
}

if (values.help) {
  process.stdout.write(HELP)
} else {
  const result = await measure()
  const rows = judge(result)
  const machine = machineFacts()
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, command: process.argv.slice(2), rows, ...result })}\n`)
  }
  const beside = formatReport(result, [ONCELOG], false)
  process.stdout.write(
    `${machine}\nfdatasync of 4 KiB in place, p50 of this run: ${result.fdatasyncP50Ms.toFixed(3)} ms\n`,
  )
  if (values.details) process.stdout.write(`${beside}\n`)
  process.stdout.write(`${verdictTable(rows)}\n\n${diskTable(result)}\n`)
  for (const one of result.cases) {
    if (one.failure !== undefined) process.stdout.write(`${one.workload} ${one.peer} FAILED: ${one.failure}\n`)
  }
  if (rows.some(({ verdict }) => verdict === 'FAILED')) process.exitCode = 1
}
