// Logs with hardly any kernel memory: what they refuse, and what is left of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { failure } from '../client/support.ts'
import { scratchDirectory } from '../scratch.ts'

test('a log without memory for its own records ends, its close says why, and all that it acknowledged is there', async () => {
  const directory = scratchDirectory('little-memory')
  await failure('MEMORY_CAP_REACHED', () => open(directory, { memoryBytes: 900 * 1024 }))
  const little = await open(directory, { memoryBytes: 1024 * 1024 })
  await failure('MEMORY_CAP_REACHED', () => little.admin.createTopic('t'))
  await failure('MEMORY_CAP_REACHED', () => little.close())
  const log = await open(directory)
  assert.equal(log.recovery.damage, [])
  await log.admin.createTopic('t')
  assert.is((await log.producer().send({ topic: 't', value: 'x' })).offset, 0)
  await log.close()
  await failure('MEMORY_CAP_REACHED', () => open(directory, { memoryBytes: 1024 * 1024 }))
  const again = await open(directory, { memoryBytes: 2 * 1024 * 1024 })
  assert.is((await again.get('t', { partition: 0, offset: 0 }))?.offset, 0)
  await again.close()
})

test.run()
