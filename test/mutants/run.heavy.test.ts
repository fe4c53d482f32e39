// `npm run mutants` with one of them: the copies of the sources have all that tests look for, and its mechanism out, a
// test fails. The whole table is hours, so nothing else would tell that it stops before its first mutant.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from '../runner/loader.ts'

/** Its test runs the command line in a thread, which asks the copy for more than any other does. */
const MUTANT = 'salvage: a source that somebody holds is read'

test('a mutant is planted in a copy of the sources, and caught there', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...LOADER, 'test/mutants/main.ts', MUTANT], {
    encoding: 'utf8',
  })
  assert.match(stdout, /^1 mutants, 1 caught, 0 not$/m, stderr)
  assert.is(status, 0)
})

test.run()
