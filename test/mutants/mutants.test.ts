// What the mutants replace still stands in the sources, so that none of them passes by itself. `npm run mutants` runs them.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pathOf } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

test('every mutant has its place in the sources, once, and tests that are there', () => {
  assert.ok(MUTANTS.length >= 25, `${MUTANTS.length} mutants`)
  assert.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  for (const mutant of MUTANTS) {
    const { name, find, put, tests } = mutant
    assert.is(readFileSync(pathOf(mutant), 'utf8').split(find).length, 2, name)
    assert.is.not(find, put, name)
    assert.ok(tests.length > 0 && tests.every((path) => existsSync(`test/${path}`)), name)
  }
})

test.run()
