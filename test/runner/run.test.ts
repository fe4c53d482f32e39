// The runner can't pass by running nothing: each fixture is a file that uvu alone may take for a success.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from './loader.ts'

const directory = 'test/runner/fixtures'

interface Run {
  readonly lastLine: string
  readonly status: number | null
  readonly output: string
}

/** The limit is far above what any fixture that ends takes, on a machine with much other work too. */
async function run(...words: string[]): Promise<Run> {
  const options = ['--directory', directory, '--suffix', '.fixture.ts', '--timeout-ms', '20000']
  const child = spawn(process.execPath, [...LOADER, 'test/run.ts', ...options, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const output = await text(child.stdout)
  const [status] = (await ended) as [number | null]
  return { lastLine: output.trimEnd().split('\n').at(-1) ?? '', status, output }
}

/** What the runner must say of each fixture, as passed and failed. */
const expected: Record<string, readonly [passed: number, failed: number]> = {
  passes: [2, 0],
  fails: [1, 1],
  'before-hook-throws': [0, 1],
  'after-each-throws': [0, 2],
  'throws-a-string': [0, 1],
  'run-forgotten': [0, 1],
  'second-run-forgotten': [1, 1],
  'no-tests': [0, 1],
  'only-left-in': [1, 1],
  'skip-left-in': [1, 1],
  'never-settles': [0, 1],
  hangs: [0, 1],
  'exits-early': [0, 1],
  'late-error': [1, 1],
  'import-fails': [0, 1],
  'prints-a-summary': [0, 1],
  'orphan-holds-output': [1, 0],
  tells: [2, 0],
}

// What the first two leave behind, the next file would run or end by.
const alone = ['run-forgotten', 'late-error', 'second-run-forgotten', 'orphan-holds-output']
const sharing = Object.keys(expected).filter((name) => !alone.includes(name))

let everything: Run
let inSeries: Run
test.before(async () => {
  // At once: both wait for what never ends.
  const runs = [run(), run('--series', ...sharing.map((name) => `/${name}.fixture`))] as const
  ;[everything, inSeries] = await Promise.all(runs)
})

for (const [name, [passed, failed]] of Object.entries(expected)) {
  test(`${name} counts ${passed} passed, ${failed} failed`, () => {
    const mark = failed === 0 ? 'ok  ' : 'FAIL'
    const line = everything.output
      .split('\n')
      .find((text) => text.startsWith(`${mark} ${directory}/${name}.fixture.ts `))
    assert.ok(line, `no line with ${mark} for ${name}:\n${everything.output}`)
    assert.match(line, new RegExp(`  ${passed} passed, ${failed} failed  `))
  })
}

test('a test that throws what uvu has no report for is named, with what it threw, and those after it run', async () => {
  assert.match(everything.output, `FAIL  "throws what is no Error"\n    what was thrown is no Error: 'text'`)
  const scratch = mkdtempSync(join(tmpdir(), 'oncelog-runner-'))
  const source = `import { test } from 'uvu'
    import { LogError } from ${JSON.stringify(resolve('bindings/model/errors.ts'))}
    test('throws a LogError', () => {
      throw new LogError('INVALID_REQUEST', 'of the log', { argument: 'at fault' })
    })
    test('runs after it',  () => {})
    test.run()`
  writeFileSync(join(scratch, 'log-error.fixture.ts'), source)
  const { output, lastLine } = await run('--directory', relative('.', scratch))
  rmSync(scratch, { recursive: true })
  assert.match(output, `FAIL  "throws a LogError"\n    of the log\n\n        { argument: 'at fault' }`)
  assert.is(lastLine, '1 passed, 1 failed')
})

test('in a process that files share each counts as in one of its own, and one that breaks it off leaves the next one a new process', () => {
  for (const name of sharing) {
    const [passed, failed] = expected[name] ?? []
    assert.match(inSeries.output, new RegExp(`${directory}/${name}.fixture.ts  ${passed} passed, ${failed} failed  `))
  }
})

test('what files count, and what they could not run, is told at the end', () => {
  const file = `${directory}/tells.fixture.ts`
  const [counted, notRun] = [`  ${file}: 3 of what there is`, `  ${file}: the other half, needs a disk`]
  assert.ok(everything.output.includes(`\nCOUNTED\n${counted}\n\nNOT RUN\n${notRun}\n\n`), everything.output)
})

test('the last line is the sum of all files, and the exit code 1', () => {
  const counts = Object.values(expected)
  const passed = counts.reduce((sum, [each]) => sum + each, 0)
  const failed = counts.reduce((sum, [, each]) => sum + each, 0)
  assert.is(everything.lastLine, `${passed} passed, ${failed} failed`)
  assert.is(everything.status, 1)
})

test('every fixture is expected above', () => {
  const names = readdirSync(directory).map((name) => name.replace('.fixture.ts', ''))
  assert.equal(names.sort(), Object.keys(expected).sort())
})

test('only passing files give exit code 0', async () => {
  const { lastLine, status } = await run('passes')
  assert.is(lastLine, '2 passed, 0 failed')
  assert.is(status, 0)
})

test('a word that matches no file is a failure', async () => {
  const { lastLine, status } = await run('no-such-file')
  assert.is(lastLine, '0 passed, 1 failed')
  assert.is(status, 1)
})

test('the output of a failing file is shown', () => {
  assert.match(everything.output, 'there-is-no-such-file.ts')
  assert.match(everything.output, 'hangs.fixture.ts: killed after 20000 ms')
})

test('what a test file started does not outlive it', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'oncelog-runner-'))
  const pidFile = join(scratch, 'pid')
  process.env['ORPHAN_PID_FILE'] = pidFile
  assert.is((await run('orphan-holds-output')).status, 0)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  rmSync(scratch, { recursive: true })
  // A signal sent is not a process gone: it is given some turns of the clock to go.
  for (let turn = 0; turn < 100 && isAlive(pid); turn++) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.not.ok(isAlive(pid))
})

/** A zombie, which only waits for a parent to collect it, counts as gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test.run()
