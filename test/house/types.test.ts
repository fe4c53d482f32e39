// The core can't name a platform, and a promise that nobody waits for is reported: both planted in a copy.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { copyHouse } from './copy.ts'

const copy = copyHouse([
  'package.json',
  'tsconfig.json',
  'tsconfig.core.json',
  'eslint.config.js',
  'bindings/model',
  'bindings/kernel',
])
test.after(copy.remove)

function run(binary: string, ...words: string[]): { status: number | null; output: string } {
  const done = spawnSync(process.execPath, [`node_modules/${binary}`, ...words], {
    cwd: copy.directory,
    encoding: 'utf8',
  })
  return { status: done.status, output: done.stdout + done.stderr }
}

test('neither Node nor the DOM can be named in the core', () => {
  const names = [
    'Buffer',
    'process',
    'setTimeout',
    'performance',
    'crypto',
    'fetch',
    'document',
    'console',
    'structuredClone',
    'navigator',
  ]
  copy.write('bindings/log/seed.ts', names.map((name) => `export const its_${name}: unknown = ${name}\n`).join(''))
  copy.write('bindings/log/seed-node.ts', "import * as fs from 'node:fs'\nexport const its: unknown = fs\n")
  copy.write(
    'bindings/log/seed-allowed.ts',
    'export const its: unknown = [TextEncoder, TextDecoder, WebAssembly, AbortController]\n',
  )
  const { output } = run('typescript/bin/tsc', '--pretty', 'false', '-p', 'tsconfig.core.json')
  const missed = names.filter((name) => !new RegExp(`log/seed\\.ts.*annot find name '${name}'`).test(output))
  assert.equal(missed, [], output)
  assert.match(output, /log\/seed-node\.ts/)
  assert.not.match(output, /log\/seed-allowed\.ts/)
})

test('a floating and a misused promise are errors', () => {
  const waits = 'async function waits(): Promise<void> {}\n'
  copy.write('bindings/client/seed-floating.ts', `${waits}waits()\nexport {}\n`)
  copy.write('bindings/client/seed-void.ts', `${waits}void waits()\nexport {}\n`)
  copy.write('bindings/client/seed-misused.ts', `${waits}if (waits()) [1].forEach(waits)\nexport {}\n`)
  const { status, output } = run('eslint/bin/eslint.js', '--format', 'json', 'bindings/client')
  assert.is(status, 1, output)
  const found = (JSON.parse(output) as { filePath: string; messages: { ruleId: string }[] }[]).flatMap((file) =>
    file.messages.map((message) => `${file.filePath.split('/').at(-1)} ${message.ruleId.split('/').at(-1)}`),
  )
  assert.ok(found.includes('seed-floating.ts no-floating-promises'), output)
  assert.ok(found.includes('seed-void.ts no-floating-promises'), output)
  assert.ok(found.includes('seed-misused.ts no-misused-promises'), output)
})

test.run()
