// Others meet a holder at a socket that is named through /proc. Once, an open where that isn't mounted was told to give
// its user rights to the directory.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

const scratch = scratchDirectory('without-proc')
test.after(() => rmSync(scratch, { recursive: true }))

/** In a namespace of its own, in which nothing lies at /proc. */
function runWithoutProc(...words: readonly string[]) {
  const hidden = 'mount -t tmpfs none /proc && exec "$@"'
  return spawnSync('unshare', ['-m', 'sh', '-c', hidden, 'sh', ...words], { encoding: 'utf8' })
}

function openedWithoutProc(...options: readonly string[]): string {
  const program = [...LOADER, 'test/remote/fixtures/open-once.ts', join(scratch, 'log'), ...options]
  const done = runWithoutProc(process.execPath, ...program)
  assert.is(done.status, 0, done.stderr)
  return done.stdout.trim()
}

test('an open says what it lacks, and works for one process alone', () => {
  const { status, error, stderr } = runWithoutProc('true')
  if (status !== 0)
    return console.log(`NOT RUN: an open without /proc, needs root and unshare (${error?.message ?? stderr.trim()})`)
  const said = openedWithoutProc()
  assert.match(said, '/proc is not mounted')
  assert.not.match(said, 'EACCES')
  assert.is(openedWithoutProc('exclusive'), 'opened')
})

test.run()
