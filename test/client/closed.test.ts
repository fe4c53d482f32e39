// What is told after a close, or after the end of a transaction, says whose it was: a program may have many.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure, take } from './support.ts'

test('a closed consumer names its group, a closed producer and an ended transaction the transactional id', async () => {
  const log = await openLog(new MemoryStore(), nodePort)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const shareConsumer = log.shareConsumer({ groupId: 's', topics: ['t'] })
  const joining = log.consumer({ groupId: 'g', topics: ['t'] })
  const waiting = failure('CONSUMER_CLOSED', () => joining.lag())
  await joining.close()
  const transaction = await producer.beginTransaction()
  await transaction.send({ topic: 't', value: 'a' })
  await transaction.commit()
  let signal: AbortSignal | undefined
  await producer.transaction(async (_, run) => {
    signal = run.signal
  })
  await Promise.all([consumer.close(), shareConsumer.close(), producer.close()])
  const byGroup = [waiting, failure('CONSUMER_CLOSED', () => take(consumer, 1))]
  for (const refused of [...byGroup, failure('CONSUMER_CLOSED', () => consumer.commit([]))]) {
    assert.equal((await refused).details, { groupId: 'g' })
  }
  assert.equal((await failure('CONSUMER_CLOSED', () => take(shareConsumer, 1))).details, { groupId: 's' })
  const byId = [
    failure('INVALID_TXN_STATE', () => transaction.send({ topic: 't', value: 'b' })),
    failure('INVALID_TXN_STATE', () => transaction.commit()),
    failure('INVALID_TXN_STATE', () => Promise.reject(signal?.reason)),
    failure('PRODUCER_CLOSED', () => producer.beginTransaction()),
  ]
  for (const refused of byId) assert.equal((await refused).details, { transactionalId: 'id' })
  await log.close()
})

test.run()
