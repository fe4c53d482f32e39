// What the runner starts is never older than its sources, whichever of them changed, and knows its own place.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MUCH_GARBAGE } from './flags.ts'

const LOADER = pathToFileURL(resolve('test/runner/bundles/register.mjs')).href
/** A folder named test, as those whose files may ask for their place. */
const home = join(mkdtempSync(join(tmpdir(), 'oncelog-bundles-')), 'test')
const [program, part] = [join(home, 'program.ts'), join(home, 'part.ts')]
test.after(() => rmSync(join(home, '..'), { recursive: true, force: true }))

function run(...words: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', LOADER, ...words], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return stdout
}

test.before(() => {
  mkdirSync(home)
})

test('a change of any source is seen by the next start, however soon it comes', () => {
  writeFileSync(program, "import { what } from './part.ts'\nconsole.log('one', what satisfies string)\n")
  for (const what of ['a', 'b', 'c']) {
    writeFileSync(part, `export const what: string = '${what}'\n`)
    for (let times = 0; times < 2; times++) assert.is(run(program), `one ${what}\n`)
  }
  writeFileSync(program, "import { what } from './part.ts'\nconsole.log('two', what)\n")
  assert.is(run(program), 'two c\n')
})

test('a file is where its source is', () => {
  writeFileSync(program, 'console.log(import.meta.url, import.meta.dirname, process.argv[1], "import.meta.url")\n')
  assert.is(run(program), `${pathToFileURL(program).href} ${home} ${program} import.meta.url\n`)
})

test('an error names the line of its source', () => {
  writeFileSync(part, '// one\n// two\nexport function fails(): never {\n  throw new Error("told")\n}\n')
  writeFileSync(
    program,
    "import { fails } from './part.ts'\ntry {\n  fails()\n} catch (error) { console.log((error as Error).stack) }\n",
  )
  assert.match(run(program), `${part}:4:`)
})

test('options of a test file are not those of the programs that it starts, which may run on another Node.js', () => {
  writeFileSync(program, 'console.log(process.execArgv.join())\n')
  const start = [...MUCH_GARBAGE, 'test/runner/bundles/start.mjs', program]
  const { stdout, stderr } = spawnSync(process.execPath, start, { encoding: 'utf8' })
  assert.is(stdout, `--import,${LOADER}\n`, stderr)
})

test('a program on the command line imports the sources too', () => {
  const script = `import { openMemory } from './bindings/entry/node.ts'; const log = await openMemory(); console.log(log.role); await log.close()`
  assert.is(run('--input-type=module', '--eval', script), 'holder\n')
})

test.run()
