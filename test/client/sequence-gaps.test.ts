// A refused batch gives its sequence back, whichever of those under way is refused first.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { failure, setup } from './support.ts'

test('a batch that is refused after those behind it leaves its sequence to the next one', async () => {
  const { log, broker, port } = setup()
  const producer = log.producer({ batchSizeBytes: 0 })
  await producer.send({ topic: 't', value: 'first' })
  const refused = new LogError('INVALID_TIMESTAMP', 'by the test')
  broker.fault = (_, count) => {
    if (count === 1) return { kind: 'drop' }
    return count <= 4 ? { kind: 'refuse', error: refused } : undefined
  }
  const failures = ['a', 'b', 'c'].map((value) => {
    return failure('INVALID_TIMESTAMP', () => producer.send({ topic: 't', value }))
  })
  await port.advance(10)
  await Promise.all(failures)
  const next = producer.send({ topic: 't', value: 'd' })
  await port.advance(10)
  assert.is((await next).offset, 1)
  assert.equal(
    broker.appends.map((each) => each.baseSequence),
    [0, 1, 2, 3, 1, 1],
  )
  assert.is(broker.epochsBumped, 0)
})

test.run()
