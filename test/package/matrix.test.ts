// The consumer matrix bites: a package whose types name what only some users have must not pass.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileConsumers } from './matrix.ts'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'oncelog-matrix-')))
const modules = join(home, 'node_modules')
mkdirSync(join(modules, 'oncelog/dist'), { recursive: true })
mkdirSync(join(modules, '@types'))
for (const name of ['@types/node', 'undici-types'])
  symlinkSync(resolve('node_modules', name), join(modules, name), 'junction')
const manifest = { name: 'oncelog', version: '0.0.0', type: 'module', exports: './dist/index.js' }
writeFileSync(join(modules, 'oncelog/package.json'), JSON.stringify(manifest))
writeFileSync(join(modules, 'oncelog/dist/index.js'), '')
writeFileSync(join(home, 'package.json'), '{ "type": "module" }')
writeFileSync(join(home, 'consumer.ts'), "import * as oncelog from 'oncelog'\nexport const it: unknown = oncelog\n")
test.after(() => rmSync(home, { recursive: true, force: true }))

function compile(declarations: string): string {
  writeFileSync(join(modules, 'oncelog/dist/index.d.ts'), declarations)
  try {
    compileConsumers(home)
    return 'fine'
  } catch (error) {
    return (error as Error).message
  }
}

test('types that everyone has are fine', () => {
  assert.is(compile('export declare function read(): Promise<Uint8Array>\n'), 'fine')
})

test("Node's and the DOM's own types are found, each where it is missing", () => {
  const found = compile('export declare const a: Buffer\nexport declare const b: HTMLElement\n')
  assert.match(found, /lib es2022, nodenext:\n.*Buffer.*\n.*HTMLElement/)
  assert.match(found, /lib es2023 and dom, bundler:\n.*Buffer/)
  assert.match(found, /Node's types only, nodenext:\n.*HTMLElement/)
})

test.run()
