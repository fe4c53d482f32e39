// `npm start`: real events through the log, while its consumers are killed. Fills a topic from a file in one process,
// totals it in others that get SIGKILL in the middle of their work, and compares the outcome with the file to the last
// digit. `npm start -- --input FILE --key FIELD` takes any CSV or NDJSON, gzip too.
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { differences, topTable, totalsOfFile, totalsOfLog } from './report.ts'
import { run, runAndKill } from './supervise.ts'

const root = new URL('../../', import.meta.url)
const { values } = parseArgs({
  options: {
    input: { type: 'string', default: fileURLToPath(new URL('data/flights-20k.json', root)) },
    key: { type: 'string', default: 'origin' },
    kills: { type: 'string', default: '10' },
  },
})
const { input, key } = values
const killsMin = Number(values.kills)
const directory = fileURLToPath(new URL('data/work/', root))
rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })

const expected = await totalsOfFile(input, key).catch((error: unknown) => {
  fail(`${input} can't be totalled: ${error instanceof Error ? error.message : String(error)}`)
})
if (expected.size === 0) fail(`${input} has no rows`)
const count = [...expected.values()].reduce((sum, { rows }) => sum + rows, 0)
console.log(`${count.toLocaleString('en')} rows of ${input}, totalled by ${key} (${expected.size} keys)\n`)

const filling = progressBar('fill   ', count)
const fillStart = performance.now()
const code = await run('fill.ts', [directory, input, key], ({ filled }) => filling.update(filled ?? 0))
const fillSeconds = (performance.now() - fillStart) / 1000
filling.stop()
if (code !== 0) fail(`the producer ended with exit code ${code}`)

const totalling = progressBar('total  ', count)
let counted = 0
const totalStart = performance.now()
const supervised = await runAndKill(directory, {
  killsMin,
  killsMax: 100,
  progress(more) {
    counted = Math.min(count, counted + more)
    totalling.update(counted)
  },
})
const totalSeconds = (performance.now() - totalStart) / 1000
totalling.update(count)
totalling.stop()

const found = await totalsOfLog(directory)
const differing = differences(found, expected)
console.log(`\n${topTable(found, key)}\n`)
console.log(`filled   ${rate(count, fillSeconds)}, each batch on stable storage, process start included`)
console.log(`totalled ${rate(count, totalSeconds)}, ${supervised.attempts} processes one after the other`)
console.log(
  `killed   ${supervised.kills} consumers with SIGKILL; ${supervised.redelivered} records came again and were not counted twice`,
)
if (supervised.kills < killsMin) fail(`only ${supervised.kills} consumers could be killed before the input ran out`)
if (supervised.redelivered === 0) fail('no record was redelivered: the run proved nothing')
if (differing.length > 0) fail(`${differing.length} totals differ from the file, the first of them "${differing[0]}"`)
console.log(`equal    all ${expected.size} totals, to those computed straight from the file`)

/** A bar on a terminal, a line at start and end elsewhere. */
function progressBar(name: string, total: number): { update(value: number): void; stop(): void } {
  if (!process.stdout.isTTY) {
    console.log(`${name} …`)
    return { update() {}, stop: () => console.log(`${name} done`) }
  }
  const bar = new SingleBar({ format: `${name} {bar} {percentage}% {value}/{total}`, barsize: 32, hideCursor: true })
  bar.start(total, 0)
  return bar
}

function rate(rows: number, seconds: number): string {
  return `${Math.round(rows / seconds).toLocaleString('en')} rows/s`
}

function fail(why: string): never {
  console.error(`\nfailed: ${why}`)
  process.exit(1)
}
