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

/** In a namespace of its own, in which nothing lies at /proc; `undefined` where there can't be one. */
function openedWithoutProc(...options: readonly string[]): string | undefined {
  const hidden = 'mount -t tmpfs none /proc && exec "$@"'
  const words = [...LOADER, 'test/remote/fixtures/open-once.ts', join(scratch, 'log'), ...options]
  const done = spawnSync('unshare', ['-m', 'sh', '-c', hidden, 'sh', process.execPath, ...words], { encoding: 'utf8' })
  if (done.status === 0) return done.stdout.trim()
  console.log(
    `NOT RUN: an open without /proc, needs root and unshare (${done.error?.message ?? done.stderr.slice(0, 200)})`,
  )
  return undefined
}

test('an open says what it lacks, and works for one process alone', () => {
  const said = openedWithoutProc()
  if (said === undefined) return
  assert.match(said, '/proc is not mounted')
  assert.not.match(said, 'EACCES')
  assert.is(openedWithoutProc('exclusive'), 'opened')
})

test.run()
