import { writeFileSync } from 'node:fs'
import { numberOf, oneOf, optionsOf } from '../../test/command-line.ts'
import { machineFacts } from './machine.ts'
import type { PeerDefinition, WorkloadName } from './peer.ts'
import { formatReport } from './report.ts'
import { run } from './runner.ts'
import { RECORDS } from './sizes.ts'

const WORKLOADS = Object.keys(RECORDS.full) as WorkloadName[]

const HELP = `Options:
  --workload NAMES   ${WORKLOADS.join(',')} (all)
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
  const options = {
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
  } as const
  const { values } = optionsOf({ args: rest, options }, HELP)
  if (values.help) return void process.stdout.write(HELP)
  if (values.list) {
    for (const peer of known) process.stdout.write(`${peer.name.padEnd(30)}${peer.settings}\n`)
    return
  }
  const split = (text: string): string[] => text.split(',')
  const named =
    values.pair !== undefined ? split(values.pair) : values.peer !== undefined ? split(values.peer) : undefined
  const peerNames = known.map(({ name }) => name)
  const names = named?.map((name) => oneOf('peer', name, peerNames))
  const workloads = split(values.workload ?? WORKLOADS.join(',')).map((name) => oneOf('workload', name, WORKLOADS))
  const records = values.records === undefined ? undefined : numberOf('--records', values.records, 1)
  const sizes = RECORDS[values.full ? 'full' : 'quick']
  const result = await run({
    peers: known.filter((peer) => names === undefined || names.includes(peer.name)),
    workloads,
    valueBytes: split(values.value).map((text) => numberOf('--value', text, 1)),
    rounds: numberOf('--rounds', values.rounds ?? (values.pair !== undefined ? '15' : '3'), 1),
    records: (workload, valueBytes) => records ?? (sizes[workload][valueBytes > 256 ? 1 : 0] as number),
    seed: numberOf('--seed', values.seed, 0),
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
