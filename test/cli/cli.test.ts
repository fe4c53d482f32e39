import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const main = fileURLToPath(new URL('../../bindings/entry/cli/main.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'oncelog-cli-'))

function oncelog(args: readonly string[], input = ''): { status: number | null; out: string; err: string } {
  const words = ['--import', 'tsx', main, '--dir', join(directory, 'log'), ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { input, encoding: 'utf8', timeout: 30_000 })
  return { status, out: stdout, err: stderr }
}

function lines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('create, produce, consume: what went in comes out, as JSON a line', () => {
  assert.is(oncelog(['topics', 'create', 'pay', '--partitions', '2']).status, 0)
  assert.is(oncelog(['produce', 'pay', '--key-separator', ':'], 'ada:1\nbob:2\n').status, 0)
  const { status, out } = oncelog(['consume', 'pay', '--json'])
  assert.is(status, 0)
  assert.equal(
    lines(out)
      .map(({ key, value }) => [key, value])
      .sort(),
    [
      ['ada', '1'],
      ['bob', '2'],
    ],
  )
})

test('a group goes on where it committed', () => {
  assert.is(lines(oncelog(['consume', 'pay', '--group', 'g', '--json', '--max', '1']).out).length, 1)
  assert.is(lines(oncelog(['consume', 'pay', '--group', 'g', '--json']).out).length, 1)
  assert.is(oncelog(['consume', 'pay', '--group', 'g', '--json']).out, '')
})

test('a call that must be mended exits with 2 and says how', () => {
  const missing = oncelog(['produce', 'nowhere'], 'x\n')
  assert.is(missing.status, 2)
  assert.match(missing.err, /UNKNOWN_TOPIC_OR_PARTITION/)
  assert.is(oncelog(['frobnicate']).status, 2)
  assert.match(oncelog(['--help']).out, /Exit codes/)
})

test('verify is content with a whole log, and exits with 1 at the place of a flipped bit', () => {
  assert.is(oncelog(['verify']).status, 0)
  const partition = readdirSync(join(directory, 'log')).find((name) => name.startsWith('pay-')) ?? ''
  const path = join(directory, 'log', partition, '00000000000000000000.log')
  const bytes = readFileSync(path)
  bytes[65] = (bytes[65] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const { status, out } = oncelog(['verify', '--json'])
  assert.is(status, 1)
  const damage = lines(out)[1]
  assert.is(damage?.['file'], `${partition}/00000000000000000000.log`)
  assert.is(damage?.['position'], 0)
  assert.is(damage?.['code'], 'bad-crc')
})

test('inspect shows the batches of a segment', () => {
  const partition = readdirSync(join(directory, 'log')).find((name) => name.startsWith('__oncelog')) ?? ''
  const path = join(directory, 'log', partition, '00000000000000000000.log')
  const [batch] = lines(oncelog(['inspect', path, '--json']).out)
  assert.is(batch?.['baseOffset'], 0)
  assert.is(batch?.['records'], 1)
})

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
