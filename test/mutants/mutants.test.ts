// What the mutants replace still stands in the sources, so that none of them passes by itself. `npm run mutants` runs
// them.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pathOf } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

test('every mutant has its place in the sources, once, and tests that are there', () => {
  assert.ok(MUTANTS.length >= 25, `${MUTANTS.length} mutants`)
  assert.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  const misplaced = MUTANTS.filter((mutant) => {
    const { find, put, tests } = mutant
    const isOnce = readFileSync(pathOf(mutant), 'utf8').split(find).length === 2
    return !isOnce || find === put || tests.length === 0 || !tests.every((path) => existsSync(`test/${path}`))
  })
  assert.equal(
    misplaced.map(({ name }) => name),
    [],
  )
})

test.run()
