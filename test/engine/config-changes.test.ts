import * as assert from 'uvu/assert'
import { test } from '../client/stores.ts'
import { failure } from '../client/support.ts'

test('a misspelt key that is put back to its default is refused: the call resolved, and the key stayed as it was', async (open) => {
  const log = await open()
  await log.admin.createTopic('t', { config: { 'retention.ms': 5 } })
  for (const key of ['retension.ms', '', 'toString', '__proto__']) {
    const changes = Object.fromEntries([
      ['segment.ms', 7],
      [key, null],
    ])
    await failure('INVALID_CONFIG', () => log.admin.alterConfig('t', changes))
  }
  assert.equal((await log.admin.describeTopic('t')).config, { 'retention.ms': 5 })
  await log.admin.alterConfig('t', { 'retention.ms': null, 'retention.bytes': null })
  assert.equal((await log.admin.describeTopic('t')).config, {})
  await log.close()
})

test('a change that contradicts what stands is refused: a record would have to be left alone for longer than until it has to be compacted', async (open) => {
  const log = await open()
  await log.admin.createTopic('t', { config: { 'min.compaction.lag.ms': 5 } })
  const error = await failure('INVALID_CONFIG', () => log.admin.alterConfig('t', { 'max.compaction.lag.ms': 4 }))
  assert.is(error.details['key'], 'min.compaction.lag.ms')
  await log.admin.alterConfig('t', { 'min.compaction.lag.ms': null, 'max.compaction.lag.ms': 4 })
  assert.equal((await log.admin.describeTopic('t')).config, { 'max.compaction.lag.ms': 4 })
  await log.close()
})

test.run()
