// `npm start`: real rows through the log, exactly once, while its processes are killed. Several of them on one
// directory copy and total the rows in transactions of random size with state and offsets inside; they, and the one
// that holds the log, get SIGKILL in the middle, and a reader watches that no transaction is ever seen in part. At the
// end input and output are compared, as sets and to the last digit. `npm start -- --input FILE --key FIELD` takes any
// CSV or NDJSON, gzip too; with `--transaction FIELD` rows of a key that follow one another with the same value of that
// field, such as those of an invoice, are one transaction.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { keyOf } from './input.ts'
import { copiesOfLog, differences, Rows, topTable, totalsOfFile, totalsOfLog } from './report.ts'
import { run, Supervision } from './supervise.ts'

const root = new URL('../../', import.meta.url)
const values = given()
const { input, key, transaction } = values
const killsMin = Number(values.kills)
if (!(Number.isInteger(killsMin) && killsMin > 0)) fail('--kills is a whole number above 0')
const ownDirectory = fileURLToPath(new URL('data/work/', root))
if (values.directory === undefined) rmSync(ownDirectory, { recursive: true, force: true })
const directory = values.directory ?? ownDirectory
mkdirSync(directory, { recursive: true })
if (readdirSync(directory).length > 0) fail(`${directory} isn't empty`)

const expectedRows = new Rows()
const names = new Set<string>()
const expected = await totalsOfFile(input, key, (row) => {
  expectedRows.count(row)
  if (transaction !== undefined) names.add(keyOf(row, transaction))
}).catch((error: unknown) => {
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

const copying = progressBar('copy   ', count)
const copyStart = performance.now()
const natural = transaction === undefined ? undefined : { field: transaction, transactions: names.size }
const plan = { killsMin, rows: count, natural, progress: (rows: number) => copying.update(rows) }
const supervised = await new Supervision(directory, plan).run().catch((error: unknown) => fail(String(error)))
const copySeconds = (performance.now() - copyStart) / 1000
copying.stop()

const found = await totalsOfLog(directory)
const differing = differences(found, expected)
const copied = await copiesOfLog(directory)
const rowsDiffering = copied.rows.differences(expectedRows)
const { kills, holderKills, redelivered, looks } = supervised
console.log(`\n${topTable(found, key)}\n`)
console.log(`filled   ${rate(count, fillSeconds)}, each batch on stable storage, process start included`)
console.log(`copied   ${rate(count, copySeconds)}, by three workers at a time, their ends and starts included`)
console.log(`         in ${copied.transactions.toLocaleString('en')} transactions`)
console.log(`killed   ${kills} consumers with SIGKILL; ${redelivered} records came again and count once`)
console.log(`         ${holderKills} of them held the log, and another process took over`)
console.log(`watched  ${looks} times: every transaction was whole`)
if (differing.length > 0) fail(`${differing.length} totals differ from the file, the first of them "${differing[0]}"`)
if (natural !== undefined && copied.transactions !== natural.transactions) {
  fail(`${copied.transactions} transactions, not ${natural.transactions}`)
}
if (rowsDiffering.length > 0) fail(`${rowsDiffering.length} rows aren't copied once: ${rowsDiffering[0]}`)
console.log(`equal    all ${expected.size} totals and all ${count} copies, to those straight from the file`)
if (kills < killsMin) {
  fail(`only ${kills} of ${killsMin} kills before the input ran out: take a longer file, or ask for less with --kills`)
}
if (redelivered === 0) fail('no record was redelivered, so the run proved nothing: run it again, or with a longer file')

function given() {
  const options = {
    input: { type: 'string', default: fileURLToPath(new URL('data/flights-20k.json', root)) },
    key: { type: 'string', default: 'origin' },
    kills: { type: 'string', default: '20' },
    transaction: { type: 'string' },
    directory: { type: 'string' },
  } as const
  try {
    return parseArgs({ options }).values
  } catch (error) {
    fail(`${(error as Error).message}; the options are --${Object.keys(options).join(', --')}`)
  }
}

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
