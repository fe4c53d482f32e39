// A program that is done ends by itself, whoever is attached to it and whomever it is attached to; one that awaits
// something stays.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { take } from '../client/support.ts'
import { LOADER } from '../runner/loader.ts'

const program = fileURLToPath(new URL('fixtures/program.ts', import.meta.url))
let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-exits-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

/** What the program told when it had ended by itself. */
async function ended(...given: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...LOADER, program, root, ...given])
  return stdout.trim()
}

test('an attached program that awaits nothing ends, with its send acknowledged', async () => {
  const log = await open(root)
  await log.admin.createTopic('t')
  assert.is(await ended(), 'attached')
  const [record] = await take(log.read('t'), 1)
  assert.is(record?.offset, 0)
  await log.close()
})

test('a holder ends while others wait for records through it, and one of them takes its place', async () => {
  const first = await open(root)
  await first.admin.createTopic('t')
  await first.close()
  const holding = ended('served')
  let log = await open(root)
  while (log.role === 'holder') {
    await log.close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    log = await open(root)
  }
  const reading = (async () => {
    for await (const { value } of log.consumer({ groupId: 'g', topics: ['t'] })) {
      if (Buffer.from(value ?? []).toString() === 'y') return
    }
  })()
  assert.is(await holding, 'holder')
  await log.producer().send({ topic: 't', value: 'y' })
  assert.is(log.role, 'holder')
  await reading
  await log.close()
})

test.run()
