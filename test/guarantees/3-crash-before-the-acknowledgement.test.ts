// A consumer read a record and crashed just before acknowledging: what does it see when it is up again, and from when?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from '../client/fake-port.ts'
import { take } from '../client/support.ts'
import { example } from './support.ts'

test('the example: what was read and not acknowledged is read again', () => {
  assert.is(
    example('3-crash-before-the-acknowledgement'),
    `read a
acknowledged a
read b
ended by SIGKILL
read b
acknowledged b
read c
acknowledged c
ended by exit code 0
`,
  )
})

test('from the committed offset, and at once: no time has to pass', async () => {
  const port = new FakePort()
  const log = await openLog(new MemoryStore(), port)
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 't', value })))
  const before = log.consumer({ groupId: 'g', topics: ['t'] })
  const [first] = await take(before, 2)
  await before.commit(first!)
  await before.close()
  const begun = port.time
  const again = await take(log.consumer({ groupId: 'g', topics: ['t'] }), 2)
  assert.equal(
    again.map(({ offset }) => offset),
    [1, 2],
  )
  assert.is(port.time, begun)
  await log.close()
})

test.run()
