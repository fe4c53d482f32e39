// The SQLite examples with each driver: they do what they say, and relay and consumer are ended by SIGKILL between
// every two calls that they make to log and database, in turn, and started again: what went in comes out, once.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { open } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { payments } from '../../examples/sqlite/balances.ts'
import type { Driver } from '../../examples/sqlite/database.ts'
import { orders } from '../../examples/sqlite/outbox.ts'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

const home = scratchDirectory('sqlite')
test.after(() => rmSync(home, { recursive: true, force: true }))

const PEERS = fileURLToPath(new URL('../../bench/peers/node_modules/', import.meta.url))
/** As plain JavaScript, two folders below the root as the examples are: a hundred processes need no loader each. */
const PROGRAM = fileURLToPath(new URL('../../build/sqlite-steps/run.mjs', import.meta.url))
test.before(async () => {
  const entryPoints = [fileURLToPath(new URL('./sqlite/run.ts', import.meta.url))]
  const options = { bundle: true, platform: 'node', format: 'esm', logLevel: 'error' } as const
  await build({ ...options, entryPoints, outfile: PROGRAM, packages: 'external' })
})
test.after(() => rmSync(dirname(PROGRAM), { recursive: true, force: true }))

/** Runs of a child before it must have come to its end. */
const RUNS_MAX = 300

/** The Node that has the driver; `undefined` where it isn't installed. */
function nodeFor(driver: Driver): string | undefined {
  const newer = join(PEERS, 'node/bin/node')
  const candidates = driver === 'better-sqlite3' || isBuiltin('node:sqlite') ? [process.execPath] : [newer]
  const script = `import('${new URL('../../examples/sqlite/database.ts', import.meta.url).href}')
    .then(({ openDatabase }) => openDatabase(':memory:', '${driver}').close())`
  return candidates.find((node) => {
    return existsSync(node) && spawnSync(node, [...LOADER, '--eval', script]).status === 0
  })
}

interface Ended {
  readonly isKilled: boolean
  readonly out: string
}

function run(node: string, ...words: string[]): Ended {
  const loader = words[0] === PROGRAM ? [] : [...LOADER]
  const { status, signal, stdout, stderr } = spawnSync(node, ['--no-warnings', ...loader, ...words], {
    encoding: 'utf8',
  })
  assert.ok(status === 0 || signal === 'SIGKILL', `${status} ${signal}\n${stderr}`)
  return { isKilled: signal === 'SIGKILL', out: stdout }
}

/**
 * Kills the first run at its first step, the second at its second, until one comes to its end. Answers the steps'
 * names.
 */
function killedAtEveryStep(node: string, driver: Driver, what: string, directory: string): string[] {
  const killed: string[] = []
  for (let step = 1; step <= RUNS_MAX; step++) {
    const { isKilled, out } = run(node, PROGRAM, directory, driver, what, String(step))
    if (!isKilled) return killed
    killed.push(out.trim())
  }
  throw new Error(`after ${RUNS_MAX} runs: ${killed.at(-1)}`)
}

/** What the child left in its database, by the driver that the child has. */
function selected(node: string, driver: Driver, directory: string, sql: string): Record<string, unknown>[] {
  const script = `import('${new URL('../../examples/sqlite/database.ts', import.meta.url).href}').then(({ openDatabase }) => {
    const database = openDatabase(process.argv[1], '${driver}')
    console.log(JSON.stringify(database.prepare(process.argv[2]).all()))
  })`
  const { out } = run(node, '--eval', script, join(directory, 'database.sqlite'), sql)
  return JSON.parse(out) as Record<string, unknown>[]
}

async function ingested(directory: string): Promise<string[]> {
  const log = await open(directory)
  const found: string[] = []
  for await (const { value } of log.read(orders, { until: 'end' })) found.push(`${value?.id} ${value?.item}`)
  await log.close()
  return found
}

async function paid(directory: string): Promise<string[]> {
  const log = await open(directory)
  const found: string[] = []
  for await (const { partition, offset, value } of log.read(payments, { until: 'end' })) {
    found.push(`${partition}/${offset} ${value?.account} ${value?.cents}`)
  }
  await log.close()
  return found
}

for (const driver of ['better-sqlite3', 'node:sqlite'] as const) {
  const node = nodeFor(driver)
  const directory = join(home, driver.replace(':', '-'))

  test(`the examples by ${driver}, as their headers say`, () => {
    if (node === undefined) return console.log(`NOT RUN: examples by ${driver}, needs npm ci --prefix bench/peers`)
    const [orders, balances] = [join(directory, 'orders'), join(directory, 'balances')]
    assert.is(run(node, 'examples/sqlite/ingest.ts', orders, driver).out, '0 1 tea\n1 2 ink\n2 3 rope\n')
    assert.match(run(node, 'examples/sqlite/ingest.ts', orders, driver).out, /\n4 4 tea\n5 5 ink\n6 6 rope\n$/)
    assert.is(run(node, 'examples/sqlite/positions.ts', balances, driver).out, 'ada 135\nbob 145\neve 155\n')
    assert.is(run(node, 'examples/sqlite/positions.ts', balances, driver).out, 'ada 270\nbob 290\neve 310\n')
  })

  test(`a relay by ${driver} that is killed between every two steps`, async () => {
    if (node === undefined) return console.log(`NOT RUN: relay by ${driver}, needs npm ci --prefix bench/peers`)
    const at = join(directory, 'relay')
    mkdirSync(at, { recursive: true })
    const killed = killedAtEveryStep(node, driver, 'ingest', at)
    for (const step of ['before database.prepare.all', 'before log.openTransactionalProducer.begin.append']) {
      assert.ok(killed.includes(`killed ${step}`), `${step} is no step of ${killed.join('\n')}`)
    }
    for (const end of ['before', 'after'])
      assert.ok(killed.includes(`killed ${end} log.openTransactionalProducer.commit`))
    const rows = selected(node, driver, at, 'SELECT id, item FROM orders ORDER BY id')
    assert.ok(rows.length > killed.length)
    assert.equal(
      await ingested(at),
      rows.map(({ id, item }) => `${id} ${item}`),
    )
  })

  test(`a consumer by ${driver} that is killed between every two steps`, async () => {
    if (node === undefined) return console.log(`NOT RUN: consumer by ${driver}, needs npm ci --prefix bench/peers`)
    const at = join(directory, 'consumer')
    mkdirSync(at, { recursive: true })
    const killed = killedAtEveryStep(node, driver, 'positions', at)
    for (const step of ['before database.prepare.run', 'before database.exec', 'after log.openConsumer.fetch']) {
      assert.ok(killed.includes(`killed ${step}`), `${step} is no step of ${killed.join('\n')}`)
    }
    const expected = await paid(at)
    const entries = selected(node, driver, at, 'SELECT place, account, cents FROM entries')
    assert.equal(
      entries.map(({ place, account, cents }) => `${place} ${account} ${cents}`).sort(),
      [...expected].sort(),
    )
    const sums = 'SELECT account, sum(cents) AS cents FROM entries GROUP BY account ORDER BY account'
    const balances = selected(node, driver, at, 'SELECT account, cents FROM balances ORDER BY account')
    assert.equal(balances, selected(node, driver, at, sums))
  })
}

test.run()
