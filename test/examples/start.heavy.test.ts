// `npm start` from end to end, on rows of one's own: equal totals end it with 0, one that differs by a digit doesn't,
// and what can't work says why in a sentence.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from '../runner/loader.ts'

const home = mkdtempSync(join(tmpdir(), 'oncelog-start-'))
test.after(() => rmSync(home, { recursive: true, force: true }))

const WORDS = [...LOADER, 'examples/totals/main.ts']

function csv(changed: number): string {
  const rows = Array.from({ length: 4000 }, (_, index) => `shop ${index % 40},${index === changed ? 1 : index % 7}`)
  return ['shop,amount', ...rows].join('\n')
}

interface Run {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

async function started(input: string, key: string, meanwhile: () => Promise<void> = async () => {}): Promise<Run> {
  const child = spawn(process.execPath, [...WORDS, '--input', input, '--key', key, '--kills', '2'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  const closed = once(child, 'close') as Promise<[number | null]>
  try {
    await meanwhile()
  } catch (failure) {
    child.kill('SIGKILL') // it would wait for the input that never comes
    throw failure
  }
  const [status] = await closed
  return { status, ...said }
}

test('a CSV file and a field of it', async () => {
  const input = join(home, 'sales.csv')
  writeFileSync(input, csv(-1))
  const { status, out, err } = await started(input, 'shop')
  assert.is(status, 0, err)
  assert.match(out, /4,000 rows of .*sales\.csv, totalled by shop \(40 keys\)/)
  assert.match(out, /killed {3}\d+ consumers with SIGKILL; [1-9]\d* records came again/)
  assert.match(out, /equal {4}all 40 totals and all 4000 copies/)
})

test('one row: its transaction is held open until its workers were killed often enough', async () => {
  const input = join(home, 'one.csv')
  writeFileSync(input, 'shop,amount\nfirst,3\n')
  const { status, out, err } = await started(input, 'shop')
  assert.is(status, 0, err)
  assert.match(out, /killed {3}([2-9]|\d\d) consumers with SIGKILL; [1-9]\d* records came again/)
  assert.match(out, /equal {4}all 1 totals and all 1 copies/)
})

test('one digit that differs between the file and the log', async () => {
  // It is read twice, for the totals and into the log. Both readers wait at a pipe, and the name leads to the second
  // one from when the first is open, so that neither reads what is the other's.
  const input = join(home, 'changing.csv')
  const [first, second] = [join(home, 'first.pipe'), join(home, 'second.pipe')]
  if (spawnSync('mkfifo', [first, second]).status !== 0) {
    return console.log('NOT RUN: an input that changes, needs mkfifo')
  }
  symlinkSync(first, input)
  symlinkSync(second, `${input}.next`)
  const { status, err } = await started(input, 'shop', async () => {
    const writer = await open(first, 'w')
    renameSync(`${input}.next`, input)
    await writer.writeFile(csv(-1))
    await writer.close()
    await writeFile(second, csv(14))
  })
  assert.is(status, 1, err)
  assert.match(err, /failed: 1 totals differ from the file, the first of them "shop 14"/)
})

test('a missing file, a field that no row has, a file without rows', async () => {
  const input = join(home, 'small.csv')
  writeFileSync(input, 'shop,amount\na,1\n')
  const empty = join(home, 'empty.csv')
  writeFileSync(empty, 'shop,amount\n')
  for (const [path, key, why] of [
    [join(home, 'none.csv'), 'shop', /\nfailed: .*none\.csv can't be totalled: ENOENT/],
    [input, 'town', /\nfailed: .*small\.csv can't be totalled: a row has no field "town"; it has shop, amount\n$/],
    [empty, 'shop', /\nfailed: .*empty\.csv has no rows\n$/],
  ] as const) {
    const { status, err } = await started(path, key)
    assert.is(status, 1)
    assert.match(err, why)
    assert.not.match(err, /\n {4}at /)
  }
})

test('options that it does not have, and a number of kills that is none', () => {
  for (const [words, why] of [
    [['--inptu', 'x'], /^\nfailed: Unknown option '--inptu'.*; the options are --input, --key, --kills/],
    [['--kills', 'many'], /^\nfailed: --kills is a whole number above 0\n$/],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [...WORDS, ...words], { encoding: 'utf8' })
    assert.is(status, 1)
    assert.match(stderr, why)
    assert.not.match(stderr, /\n {4}at /)
  }
})

test.run()
