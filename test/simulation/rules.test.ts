// The table "rule -> tests" of docs/simulation.md is what the scenarios, the planted faults and the mutants say.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MUTANTS } from '../mutants/mutants.ts'
import { lineOf, ruleRow, TESTS } from './rules.ts'

const titles = Array.from(
  readFileSync('docs/durability.md', 'utf8').matchAll(/^(\d+)\. \*\*([A-Z][a-z ]+)\.?\*\*/gm),
  ([, rule = '', title = '']) => ({ rule: Number(rule), title }),
)
const rows = titles.map(({ rule, title }) => ({ ...ruleRow(rule), title }))

test('the table of docs/simulation.md is this one', () => {
  const wanted = rows.map((row) => lineOf(row, row.title))
  const shown = readFileSync('docs/simulation.md', 'utf8').match(/^\| \d+ [A-Z].*\|$/gm) ?? []
  if (shown.join() !== wanted.join()) console.log(wanted.join('\n'))
  assert.equal(shown, wanted)
})

test('every rule has tests, and mutants or planted faults that show that they tell', () => {
  assert.ok(rows.length >= 12, `${rows.length} rules`)
  const told = new Set(MUTANTS.flatMap(({ tests }) => tests))
  for (const { rule, tests, planted } of rows) {
    assert.ok(tests.length > 0, `rule ${rule}`)
    for (const path of tests) assert.ok(existsSync(`test/${path}`), path)
    assert.ok(planted.length > 0 || tests.some((path) => told.has(path)), `rule ${rule}: nothing of it is taken out`)
  }
  assert.is(TESTS.length - 1, Math.max(...rows.map(({ rule }) => rule)))
})

test.run()
