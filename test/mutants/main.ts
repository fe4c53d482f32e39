/**
 * Takes one mechanism after the other out of a copy of the sources and runs the tests that must tell.
 *
 *   npm run mutants              all of them: some minutes
 *   npm run mutants -- offset    those whose name holds one of the words
 *
 * Ends with 1 if one isn't caught, or if the sources as they are don't pass.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { print } from '../../bindings/entry/cli/output.ts'
import { progressBar } from '../../bindings/entry/cli/progress.ts'
import type { Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

const COPIED = ['bindings', 'build', 'data', 'dist', 'examples', 'test', 'package.json', 'tsconfig.json']
const TIMEOUT_MS = 120_000

const words = process.argv.slice(2)
const chosen = MUTANTS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const home = mkdtempSync(join(tmpdir(), 'oncelog-mutants-'))

function copySources(): void {
  for (const path of COPIED) cpSync(path, join(home, path), { recursive: true })
  symlinkSync(resolve('node_modules'), join(home, 'node_modules'))
}

/** Whether all tests of these files pass. */
function passes(tests: readonly string[]): Promise<boolean> {
  const paths = tests.map((test) => `test/${test}`)
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/run.ts', '--timeout-ms', `${TIMEOUT_MS}`, ...paths], {
    cwd: home,
    stdio: 'ignore',
  })
  return new Promise((done) => child.on('exit', (code) => done(code === 0)))
}

/** The first test that tells; `undefined` if none does. */
async function caughtBy({ file, find, put, tests }: Mutant): Promise<string | undefined> {
  const path = join(home, 'bindings', file)
  const before = readFileSync(path, 'utf8')
  if (before.split(find).length !== 2) throw new Error(`what is to be replaced stands once in ${file}: ${find}`)
  writeFileSync(
    path,
    before.replace(find, () => put),
  )
  try {
    for (const test of tests) if (!(await passes([test]))) return test
    return undefined
  } finally {
    writeFileSync(path, before)
  }
}

async function main(): Promise<void> {
  copySources()
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
  const bar = progressBar('mutants', chosen.length + 1, 'runs')
  if (!(await passes(tests))) {
    console.error(`the sources as they are don't pass: npm test -- ${tests.join(' ')}`)
    process.exitCode = 1
    return bar.stop()
  }
  const rows: { mutant: string; file: string; caught: string }[] = []
  for (const [index, mutant] of chosen.entries()) {
    bar.update(index + 1)
    const test = await caughtBy(mutant)
    rows.push({ mutant: mutant.name, file: mutant.file, caught: test ?? 'NO' })
  }
  bar.stop()
  print(rows, false)
  const missed = rows.filter(({ caught }) => caught === 'NO')
  console.log(`${rows.length} mutants, ${rows.length - missed.length} caught, ${missed.length} not`)
  if (missed.length > 0 || rows.length === 0) process.exitCode = 1
}

try {
  await main()
} finally {
  rmSync(home, { recursive: true, force: true })
}
