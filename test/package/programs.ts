/** Programs that a user would run: the one in the README, and one that was bundled into a single file. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

function run(command: string, words: readonly string[], cwd: string): string {
  const done = spawnSync(command, words, { cwd, encoding: 'utf8', shell: process.platform === 'win32' })
  if (done.status !== 0) throw new Error(`${command} ${words.join(' ')}\n${done.stdout}${done.stderr}`)
  return done.stdout
}

function same(actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`expected ${JSON.stringify(expected)}, saw ${JSON.stringify(actual)}`)
}

/** `npm install` of the tarball in an empty folder, then the first program of the README, twice. */
export function readmeProgram(home: string, tarball: string): void {
  const program = /```js\n(.*?)```/s.exec(readFileSync('README.md', 'utf8'))?.[1]
  if (program === undefined) throw new Error('the README has no program')
  const lines = program.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'))
  if (lines.length > 14) throw new Error(`the program of the README has ${lines.length} lines`)
  mkdirSync(home)
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], home)
  writeFileSync(join(home, 'app.mjs'), program)
  same(run(process.execPath, ['app.mjs'], home), "0 { to: 'ada' }\n")
  same(run(process.execPath, ['app.mjs'], home), "1 { to: 'ada' }\n")
  const said = run('npx', ['--no-install', 'oncelog', 'consume', 'jobs', '--json'], home).trim().split('\n')
  same(String(said.map((line) => (JSON.parse(line) as { offset: number }).offset)), '0,1')
}

const BUNDLED = `
import { open, openMemory } from 'oncelog'
const memory = await openMemory()
await memory.admin.createTopic('t')
await memory.close()
const log = await open('./data')
await log.admin.createTopic('t')
const { offset } = await log.producer().send({ topic: 't', value: 'bundled' })
await log.close()
console.log(offset)
`

/** The kernel's bytes are inside: the file runs in a folder that holds nothing else. */
export async function bundledProgram(home: string, empty: string): Promise<void> {
  writeFileSync(join(home, 'bundled.mjs'), BUNDLED)
  mkdirSync(empty)
  const { warnings } = await build({
    entryPoints: [join(home, 'bundled.mjs')],
    outfile: join(empty, 'app.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  })
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join('\n'))
  same(run(process.execPath, ['app.mjs'], empty), '0\n')
}
