// What no linter holds: rules about the sources as a whole.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ERRORS } from '../bindings/model/error-table.ts'
import { ambientUses } from './house/ambient.ts'
import { foldersOf, sourcesOf } from './house/sources.ts'

const lineLimit = 500
const bindings = sourcesOf('bindings')
const product = [...sourcesOf('assembly'), ...bindings]
const everything = [
  ...product,
  ...['test', 'bench', 'examples'].filter((folder) => existsSync(folder)).flatMap((folder) => sourcesOf(folder)),
]

/**
 * Rooms that stand on a platform and may ask it for time, chance and turns. The testkit isn't one: same seed, same run.
 */
const platformRooms = /^bindings\/(storage\/drivers|engine\/remote|entry)\//

test('the sources are seen', () => {
  assert.ok(bindings.length >= 5, `only ${bindings.length} files under bindings/`)
})

test(`no file is longer than ${lineLimit} lines`, () => {
  const lengths = product.map((file) => file.lineCount).sort((a, b) => a - b)
  console.log(
    `${lengths.length} files in assembly/ and bindings/, median ${lengths[lengths.length >> 1]} lines, longest ${lengths.at(-1)}`,
  )
  const long = everything.filter((file) => file.lineCount > lineLimit).map((file) => `${file.path}: ${file.lineCount}`)
  assert.equal(long, [])
})

test('the core reads no clock, draws no random number and starts no timer', () => {
  const uses = bindings
    .filter((file) => file.path.endsWith('.ts') && !platformRooms.test(file.path))
    .flatMap((file) => ambientUses(file.path, file.text).map((use) => `${file.path}:${use}`))
  assert.equal(uses, [])
})

test('the search for clocks, random numbers and timers finds them', () => {
  const seeds = [
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'globalThis.Math.random()',
    'performance.now()',
    'crypto.getRandomValues(bytes)',
    'setTimeout(f, 1)',
    'globalThis.setTimeout(f, 1)',
    'const later = setInterval',
    'queueMicrotask(f)',
    'AbortSignal.timeout(5)',
  ]
  for (const seed of seeds) assert.is(ambientUses('seed.ts', seed).length, 1, seed)
  const innocent = [
    'clock.now()',
    'new Date(5)',
    '// Date.now()',
    "'setTimeout(f)'",
    'scheduler.setTimeout(f)',
    'const x: Date = y',
  ]
  for (const text of innocent) assert.equal(ambientUses('innocent.ts', text), [], text)
})

test('all that the package exports has a docstring', () => {
  const undocumented = sourcesOf('docs/api', ['.md']).flatMap(({ path, text }) => {
    return [...text.matchAll(/\(undocumented\)\n *(.*)/g)].map(([, member = '']) => `${path}: ${member}`)
  })
  assert.equal(undocumented, [])
})

test('ARCHITECTURE.md names every folder of bindings/', () => {
  const text = readFileSync('ARCHITECTURE.md', 'utf8')
  const isNamed = (name: string) => new RegExp(`(?<![\\w-])${name}/`).test(text)
  const missing = foldersOf('bindings').filter((folder) => !isNamed(folder.split('/').at(-1) ?? ''))
  assert.equal(missing, [])
})

test('docs/errors.md has a heading for every error code, and none for others', () => {
  const text = readFileSync('docs/errors.md', 'utf8')
  const headings = [...text.matchAll(/^#+ `([A-Z][A-Z0-9_]+)`$/gm)].map((match) => match[1] ?? '')
  assert.equal(headings.sort(), Object.keys(ERRORS).sort())
})

test('only entries gather what others export', () => {
  const barrels = bindings
    .filter((file) => file.path.endsWith('.ts') && !file.path.startsWith('bindings/entry/'))
    .filter((file) => /^export (type )?(\*|\{[^}]*\}) ?.*from /m.test(file.text))
    .map((file) => file.path)
  assert.equal(barrels, [])
})

test('nothing is left for later in a comment', () => {
  const words = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${'X'.repeat(3)})\\b`)
  assert.equal(
    everything.filter((file) => words.test(file.text)).map((file) => file.path),
    [],
  )
})

test('package.json offers what is built, and nothing else', () => {
  const manifest = readFileSync('package.json', 'utf8')
  const offered = [...manifest.matchAll(/"\.\/dist\/(.+)\.js"/g)].map((match) => match[1] ?? '')
  const entries = bindings.flatMap((file) => file.path.match(/^bindings\/(entry\/[^/]+)\.ts$/)?.[1] ?? [])
  if (existsSync('bindings/entry/cli/main.ts')) entries.push('cli')
  const offeredEntries = offered.filter((path) => path.startsWith('entry/') || path === 'cli')
  assert.equal([...new Set(offeredEntries)].sort(), entries.sort())
})

test('the lock file names every package for every platform, and package.json exact versions', () => {
  interface Locked {
    readonly dependencies?: Record<string, string>
    readonly devDependencies?: Record<string, string>
    readonly optionalDependencies?: Record<string, string>
  }
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1) ?? ''))
  const optional = Object.values(packages).flatMap((locked) => Object.keys(locked.optionalDependencies ?? {}))
  const missing = optional.filter((name) => !names.has(name))
  assert.equal(missing, [], '`npm ci` refuses a lock file without them')

  const root = JSON.parse(readFileSync('package.json', 'utf8')) as Locked
  const versions = Object.entries({ ...root.dependencies, ...root.devDependencies })
  const loose = versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
  assert.equal(loose, [])
  assert.equal(Object.keys(root.dependencies ?? {}).sort(), ['@assemblyscript/loader', 'msgpackr'])
})

test.run()
