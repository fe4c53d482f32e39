/**
 * Runs the test files under test/, each in a process of its own or, in some folders, after others in one, and closes
 * with what they counted, what they could not run here, and the line `N passed, N failed`.
 *
 *   npm test                     all of them
 *   npm test -- kernel journal   those whose path holds one of the words
 *
 * Files named *.heavy.test.ts keep a core busy: one of them runs beside the light ones, two when no light one is left.
 * `--suffix .check.ts` runs those that need more than the repository holds instead. For the runner's own test:
 * --directory,
 * --timeout-ms, --series (all in one process).
 */
import { parseArgs } from 'node:util'
import { dropForgotten, makeBundles } from './runner/bundles/cache.mjs'
import { findTestFiles } from './runner/find.ts'
import { runAll } from './runner/schedule.ts'
import { listed, type Told, toldBy } from './runner/told.ts'

/** Their tests leave nothing behind in their process that those after them would see. */
const SHARING: readonly string[] = [
  ...['client', 'compression', 'coordinator', 'damage', 'engine', 'errors', 'guarantees', 'history', 'import', 'log'],
  ...['model', 'process', 'regressions', 'salvage', 'simulation', 'storage'],
]
const isSharing = (path: string) => SHARING.some((folder) => path.startsWith(`test/${folder}/`))

/** Some wait for processes and disks, so light ones should run beside them; the longest would run alone at the end. */
const FIRST: readonly string[] = ['test/torture/', 'test/simulation/engine.heavy', 'test/simulation/swarm.heavy']
const inOrder = (paths: readonly string[]) => {
  const first = FIRST.flatMap((beginning) => paths.filter((path) => path.startsWith(beginning)))
  return [...new Set([...first, ...paths])]
}

const lightTimeoutMs = 120_000
const heavyTimeoutMs = 900_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    directory: { type: 'string', default: 'test' },
    suffix: { type: 'string', default: '.test.ts' },
    'timeout-ms': { type: 'string' },
    series: { type: 'boolean', default: false },
  },
})

const files = inOrder(findTestFiles(values.directory, values.suffix, positionals))
const timeoutMs = values['timeout-ms'] === undefined ? undefined : Number(values['timeout-ms'])
const total = { passed: 0, failed: 0 }
const told: Told[] = []

if (files.length === 0) {
  console.log(
    `no file under ${values.directory} ends with ${values.suffix} and matches: ${positionals.join(' ') || '(all)'}`,
  )
  total.failed = 1
}

// One that can't be bundled says so when it is run.
dropForgotten()
await makeBundles(files).catch(() => {})
await runAll(
  files.map((path) => {
    const heavy = path.endsWith(`.heavy${values.suffix}`)
    const sharesProcess = values.series || isSharing(path)
    return { path, heavy, sharesProcess, timeoutMs: timeoutMs ?? (heavy ? heavyTimeoutMs : lightTimeoutMs) }
  }),
  (result) => {
    total.passed += result.passed
    total.failed += result.failed
    told.push(...toldBy(result.path, result.output))
    const mark = result.failed === 0 ? 'ok  ' : 'FAIL'
    console.log(`${mark} ${result.path}  ${result.passed} passed, ${result.failed} failed  ${result.durationMs} ms`)
    if (result.failed > 0) {
      console.log(result.output.trimEnd())
      for (const reason of result.reasons) console.log(`  -> ${result.path}: ${reason}`)
    }
  },
)

if (told.length > 0) console.log(`${listed(told)}\n`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
console.log(`${total.passed} passed, ${total.failed} failed`)
