// `npm start` in its parts: every kind of input gives the same rows, and a difference of one digit is found.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differences, totalsOfFile } from '../../examples/totals/report.ts'

const home = mkdtempSync(join(tmpdir(), 'oncelog-totals-'))
test.after(() => rmSync(home, { recursive: true, force: true }))

const list = Array.from({ length: 50 }, (_, index) => ({ key: `k${index % 3}`, amount: index / 4, text: 'a, "b"' }))
const ndjson = list.map((row) => JSON.stringify(row)).join('\n')
const csv = ['key,amount,text', ...list.map((row) => `${row.key},${row.amount},"a, ""b"""`)].join('\n')
const inputs: Readonly<Record<string, string>> = {
  'rows.json': JSON.stringify(list),
  'rows.ndjson': ndjson,
  'rows.csv': csv,
}

test('a JSON array, NDJSON and CSV, gzip or not, are totalled alike', async () => {
  for (const [name, text] of Object.entries(inputs)) {
    writeFileSync(join(home, name), text)
    writeFileSync(join(home, `${name}.gz`), gzipSync(text))
    for (const path of [name, `${name}.gz`]) {
      const totals = await totalsOfFile(join(home, path), 'key')
      assert.equal([...totals.keys()].sort(), ['k0', 'k1', 'k2'], path)
      assert.is(totals.get('k0')?.rows, 17, path)
      assert.is(totals.get('k0')?.sums['amount'], 102, path)
    }
  }
})

test('a byte order mark, line ends of both kinds, empty lines and names in capitals change nothing', async () => {
  const lines = (text: string) => `\ufeff${text.replaceAll('\n', '\r\n\r\n')}\r\n\r\n`
  const odd = { 'ROWS.CSV': lines(csv), 'ROWS.NDJSON': lines(ndjson), 'ROWS.JSON': `\ufeff${JSON.stringify(list)}\r\n` }
  for (const [name, text] of Object.entries(odd)) {
    writeFileSync(join(home, name), text)
    writeFileSync(join(home, `${name}.GZ`), gzipSync(text))
    for (const path of [name, `${name}.GZ`]) {
      const totals = await totalsOfFile(join(home, path), 'key')
      assert.equal([...totals.keys()].sort(), ['k0', 'k1', 'k2'], path)
      assert.is(totals.get('k0')?.sums['amount'], 102, path)
    }
  }
})

test('a total that differs, is missing or is one too many is named', async () => {
  const expected = await totalsOfFile(join(home, 'rows.csv'), 'key')
  const planted = new Map(expected)
  assert.equal(differences(planted, expected), [])
  const one = expected.get('k1')
  assert.ok(one)
  planted.set('k1', { ...one, sums: { ...one.sums, amount: (one.sums['amount'] ?? 0) + 0.25 } })
  planted.delete('k2')
  planted.set('k9', one)
  assert.equal(differences(planted, expected).sort(), ['k1', 'k2', 'k9'])
})

test.run()
