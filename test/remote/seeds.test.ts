// Programs that are started with one seed for their random numbers (`node --random-seed`), as tests are that must run
// alike: each start draws the same numbers.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

const root = scratchDirectory('seeds')
test.after(() => rmSync(root, { recursive: true, force: true }))

const program = fileURLToPath(new URL('fixtures/create-topic.ts', import.meta.url))

test('topics that such programs create, one after the other, have ids of their own', async () => {
  const log = await open(root)
  await log.close()
  const ids = ['a', 'b'].map((name) => {
    return execFileSync(process.execPath, ['--random-seed=7', ...LOADER, program, root, name], { encoding: 'utf8' })
  })
  assert.is(new Set(ids).size, 2, String(ids))
})

test.run()
