// A program that waits for nothing but its send must not end before it.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from '../runner/loader.ts'

test('a send that lingers keeps its program alive; a consumer’s deadline does not', () => {
  const program = `
    import { openMemory } from './bindings/entry/node.ts'
    const log = await openMemory()
    await log.admin.createTopic('t')
    await log.producer({ lingerMs: 100 }).send({ topic: 't', value: 'x' })
    for await (const record of log.consumer({ groupId: 'g', topics: ['t'] })) { console.log('sent', record.offset); break }
  `
  const words = [...LOADER, '--input-type=module', '--eval', program]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 60_000 })
  assert.is(stdout, 'sent 0\n', stderr)
  assert.is(status, 0, stderr)
})

test.run()
