// The import rules bite: a violation of each is planted in a copy and must be reported, and every module must be seen.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { copyHouse } from './copy.ts'
import { sourcesOf } from './sources.ts'

interface Report {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[]
  }
}

function cruise(directory: string): Report {
  const binary = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'
  const words = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'bindings']
  const done = spawnSync(process.execPath, [binary, ...words], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  assert.match(done.stdout, /^\{/, done.stderr)
  return JSON.parse(done.stdout) as Report
}

const target = 'export interface Seed { readonly seed: number }\nexport const seed: number = 1\n'
const typeImport = (from: string): string => `import type { Seed } from '${from}'\nexport type Its = Seed\n`
const valueImport = (from: string): string => `import { seed } from '${from}'\nexport const its: number = seed\n`
const packageImport = (name: string): string => `import * as it from '${name}'\nexport const its: unknown = it\n`

interface Rule {
  readonly name: string
  readonly comment?: string
}

/** As the rules tell them: a room, and what it may import. */
const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { forbidden: readonly Rule[] }
const rooms = forbidden.flatMap(({ name, comment = '' }) => {
  const room = /^room-(.+)$/.exec(name)?.[1]
  return room === undefined ? [] : [{ room, allowed: comment.split(' may import: ')[1] ?? '' }]
})

/** File, its text, and the rule that must name it. */
const seeds: readonly (readonly [path: string, text: string, rule: string])[] = [
  ...rooms.map(
    ({ room }) => [`bindings/${room}/seed-up.ts`, typeImport('../entry/seed-target.ts'), `room-${room}`] as const,
  ),
  ...['retention', 'bytes', 'segment', 'stored-files', 'recovery', 'import'].map(
    (folder) => [`bindings/log/${folder}/seed-up.ts`, typeImport('../verify/seed-target.ts'), `log-${folder}`] as const,
  ),
  ['bindings/log/seed-folder/seed.ts', typeImport('../seed-circle-a.ts'), 'log-folders-known'],
  ['bindings/client/seed-engine.ts', valueImport('../engine/seed-target.ts'), 'room-client'],
  ['bindings/log/seed-circle-a.ts', `${typeImport('./seed-circle-b.ts')}${target}`, 'no-circles'],
  ['bindings/log/seed-outside.ts', valueImport('../../test/seed-target.ts'), 'outside-the-rooms'],
  ['bindings/log/seed-driver.ts', valueImport('../storage/drivers/seed-target.ts'), 'drivers-are-handed-in'],
  ['bindings/storage/drivers/seed-other.ts', typeImport('./seed-target.ts'), 'drivers-apart'],
  ['bindings/storage/drivers/seed-folder/part.ts', typeImport('../seed-target.ts'), 'drivers-apart'],
  ['bindings/coordinator/group/seed.ts', typeImport('../transaction/seed-target.ts'), 'coordinators-apart'],
  ['bindings/coordinator/share/seed.ts', typeImport('../transaction/seed-target.ts'), 'coordinators-apart'],
  ['bindings/testkit/history/seed.ts', typeImport('../../kernel/seed-target.ts'), 'history-apart'],
  ['bindings/entry/cli/commands/seed.ts', typeImport('./seed-target.ts'), 'commands-apart'],
  ['bindings/log/seed-node.ts', packageImport('node:fs'), 'platform-modules'],
  ['bindings/log/seed-fs.ts', packageImport('fs'), 'platform-modules'],
  ['bindings/log/seed-workers.ts', packageImport('cloudflare:workers'), 'platform-modules-by-name'],
  ['bindings/log/seed-loader.ts', packageImport('@assemblyscript/loader'), 'loader-only-in-kernel'],
  ['bindings/client/seed-msgpackr.ts', packageImport('msgpackr'), 'msgpackr-only-in-its-codec'],
  ['bindings/client/seed-package.ts', packageImport('zod'), 'no-other-package'],
  ['bindings/client/seed-nowhere.ts', packageImport('./there-is-no-such-file.ts'), 'unresolvable'],
]

const targets = [
  'kernel',
  'engine',
  'entry',
  'storage/drivers',
  'log/verify',
  'coordinator/transaction',
  'entry/cli/commands',
]

const copy = copyHouse(['bindings', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs'])
test.after(copy.remove)

const planted = new Set(seeds.map(([path]) => path))
let report: Report
test.before(() => {
  for (const folder of targets) copy.write(`bindings/${folder}/seed-target.ts`, target)
  copy.write('test/seed-target.ts', target)
  copy.write('bindings/log/seed-circle-b.ts', `${typeImport('./seed-circle-a.ts')}${target}`)
  for (const [path, text] of seeds) copy.write(path, text)
  report = cruise(copy.directory)
})

test('every module of bindings/ is seen, and none but the planted ones breaks a rule', () => {
  const seen = new Set(report.modules.map((module) => module.source))
  const unseen = sourcesOf('bindings', ['.ts']).filter((file) => !seen.has(file.path))
  assert.equal(
    unseen.map((file) => file.path),
    [],
  )
  const others = report.summary.violations.filter(({ from }) => !planted.has(from) && !from.includes('/seed-circle-'))
  assert.equal(
    others.map((violation) => `${violation.rule.name}: ${violation.from}`),
    [],
  )
})

test('a planted violation of each rule is reported', () => {
  const reported = new Set(report.summary.violations.map((violation) => `${violation.rule.name}: ${violation.from}`))
  const missed = seeds.map(([path, , rule]) => `${rule}: ${path}`).filter((expected) => !reported.has(expected))
  assert.equal(missed, [])
})

test('ARCHITECTURE.md shows the same table, of rooms that are there', () => {
  const rows = readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `bindings\/(\w+)\/` \|.*\| ([\w, ]+) \|$/gm)
  const shown = Array.from(rows, ([, room = '', allowed = '']) => ({ room, allowed })).filter(
    ({ room }) => room !== 'entry',
  )
  const byRoom = (a: { room: string }, b: { room: string }) => (a.room < b.room ? -1 : 1)
  assert.equal(shown.sort(byRoom), [...rooms].sort(byRoom))
  assert.equal(
    rooms.filter(({ room }) => !existsSync(`bindings/${room}`)),
    [],
  )
})

test.run()
