// Which test shows which known fault, which behaviour of Kafka's own tests, which sentence of the contract: all are
// there.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BEHAVIOURS, CONTRACT, FAULTS, type Row } from './list.ts'

/** Test titles of a file; quotes within them as they are written. */
function titlesOf(file: string): string[] {
  const path = `test/${file}`
  if (!existsSync(path)) return []
  const calls = readFileSync(path, 'utf8').matchAll(/^ *[A-Za-z]+\(\s*(?:'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`)/gm)
  return [...calls].map(([, single, double, template]) => single ?? double ?? template ?? '')
}

function missing(rows: readonly Row[]): string[] {
  return rows
    .filter(({ file, title }) => file !== undefined && !titlesOf(file).some((each) => each.startsWith(title)))
    .map(({ source, file, title }) => `${source}: no "${title}" in ${file}`)
}

for (const [name, rows, least] of [
  ['known faults', FAULTS, 11],
  ["behaviours of Kafka's tests", BEHAVIOURS, 68],
  ['the contract', CONTRACT, 35],
] as const) {
  test(`${name}: each row names a test that is there, or says why there is none`, () => {
    assert.ok(rows.length >= least, `${rows.length} rows`)
    assert.equal(missing(rows), [])
    assert.ok(rows.every(({ title }) => title.length > 8))
    const without = rows.filter(({ file }) => file === undefined)
    console.log(`${name}: ${rows.length - without.length} shown`)
    for (const { source, title } of without) console.log(`  ${source}: ${title}`)
  })
}

test('each of the 68 behaviours has a row, and docs/kafka.md says what it is', () => {
  const numbers = new Set(BEHAVIOURS.map(({ source }) => Number.parseInt(source, 10)))
  const page = readFileSync('docs/kafka.md', 'utf8')
  const told = [...page.slice(page.indexOf('## 8 ')).matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number))
  assert.equal(
    told,
    Array.from({ length: 68 }, (_, index) => index + 1),
  )
  assert.equal(
    told.filter((number) => !numbers.has(number)),
    [],
  )
})

test('a row without its test is found', () => {
  assert.is(missing([{ source: 'x', file: 'regressions/list.test.ts', title: 'no such title' }]).length, 1)
  assert.is(missing([{ source: 'x', file: 'regressions/list.test.ts', title: 'a row without' }]).length, 0)
})

test.run()
