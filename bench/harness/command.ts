import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machineFacts } from './machine.ts'
import type { PeerDefinition, WorkloadName } from './peer.ts'
import { formatReport } from './report.ts'
import { run } from './runner.ts'
import { RECORDS } from './sizes.ts'

const HELP = `Options:
  --workload NAMES   ${Object.keys(RECORDS.full).join(',')} (all)
  --peer NAMES       rivals to run, comma-separated (all that take part in the workload)
  --baseline NAMES   ratios are against the first of these that takes part (raw-crc,raw-coalesce)
  --pair A,B         the same as --peer A,B --baseline B --rounds 15
  --value BYTES      value sizes (100,1024)
  --rounds N         each case once a round, shuffled; N pairs for a ratio (3)
  --full             the record counts of published figures
  --records N        another number of records
  --directory DIR    where the stores are written (the system's temporary directory)
  --prefix WORDS     put before each case's command, such as "taskset -c 1"
  --seed N           of the shuffle (1)
  --json [FILE]      every figure of every round as JSON, on standard output or into FILE
  --list             peers and their settings
`

/** The command line shared by every bench that compares peers. */
export async function benchCommand(known: readonly PeerDefinition[], argv: readonly string[]): Promise<void> {
  const json = argv.indexOf('--json')
  const jsonFile = json >= 0 && argv[json + 1] !== undefined && !argv[json + 1]?.startsWith('--') ? argv[json + 1] : ''
  const rest = argv.filter((_, index) => json < 0 || (index !== json && !(jsonFile !== '' && index === json + 1)))
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    args: rest,
    options: {
      workload: option,
      peer: option,
      baseline: { type: 'string', default: 'raw-crc,raw-coalesce' },
      pair: option,
      value: { type: 'string', default: '100,1024' },
      rounds: option,
      full: { type: 'boolean', default: false },
      records: option,
      directory: option,
      prefix: option,
      seed: { type: 'string', default: '1' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  if (values.list) {
    for (const peer of known) process.stdout.write(`${peer.name.padEnd(30)}${peer.settings}\n`)
    return
  }
  const split = (text: string): string[] => text.split(',').filter((word) => word !== '')
  const names =
    values.pair !== undefined ? split(values.pair) : values.peer !== undefined ? split(values.peer) : undefined
  const workloads = split(values.workload ?? Object.keys(RECORDS.full).join(',')) as WorkloadName[]
  for (const workload of workloads) if (!(workload in RECORDS.full)) throw new Error(`no workload ${workload}\n${HELP}`)
  for (const name of names ?? []) {
    if (!known.some((peer) => peer.name === name)) throw new Error(`no peer ${name}; --list shows them`)
  }
  const sizes = RECORDS[values.full ? 'full' : 'quick']
  const result = await run({
    peers: known.filter((peer) => names === undefined || names.includes(peer.name)),
    workloads,
    valueBytes: split(values.value).map(Number),
    rounds: Number(values.rounds ?? (values.pair !== undefined ? 15 : 3)),
    records: (workload, valueBytes) => {
      return values.records !== undefined
        ? Number(values.records)
        : (sizes[workload][valueBytes > 256 ? 1 : 0] as number)
    },
    seed: Number(values.seed),
    directory: values.directory,
    prefix: values.prefix?.split(' '),
    onCase: (done, all, label) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${done + 1}/${all} ${label}`)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  const machine = machineFacts()
  const text = JSON.stringify({ machine, command: argv, ...result })
  if (jsonFile !== '') writeFileSync(jsonFile as string, `${text}\n`)
  if (json >= 0 && jsonFile === '') return void process.stdout.write(`${text}\n`)
  const baselines = values.pair !== undefined ? split(values.pair).slice(1) : split(values.baseline)
  process.stdout.write(`${machine}\n${formatReport(result, baselines, process.stdout.isTTY === true)}`)
  if (result.cases.some((one) => one.failure !== undefined)) process.exitCode = 1
}
