// Where a group is reset to: a field that is undefined is left out, as an option that is undefined is.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemory } from '../../bindings/entry/node.ts'

test('a point with further fields that are undefined is the one that it names', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send([1, 2, 3].map((value) => ({ topic: 't', value: `${value}` })))
  await log.admin.setOffsets('g', [{ topic: 't', partition: 0, nextOffset: 2 }])
  for (const [to, expected] of [
    [{ shiftBy: -1, offset: undefined }, 1],
    [{ offset: 3, timestamp: undefined }, 3],
    [{ timestamp: 0, offset: undefined, shiftBy: undefined }, 0],
  ] as const) {
    for (const dryRun of [true, false]) {
      const [moved] = await log.admin.resetOffsets('g', to, { dryRun })
      assert.is(moved?.nextOffset, expected, JSON.stringify(to))
    }
    await log.admin.setOffsets('g', [{ topic: 't', partition: 0, nextOffset: 2 }])
  }
  const [begun] = await log.admin.resetShareGroup('s', { offset: 2, timestamp: undefined }, { topics: ['t'] })
  assert.is(begun?.nextOffset, 2)
  const [moved] = await log.admin.resetShareGroup('s', { shiftBy: 1, offset: undefined })
  assert.is(moved?.nextOffset, 3)
  await log.close()
})

test.run()
