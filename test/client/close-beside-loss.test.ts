// A close while an iteration tells its handlers that a partition is lost.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { gate, setup, take } from './support.ts'

// Found by the simulation of groups: they were told of what is given up beside that.
test('a close waits for handlers that an iteration tells of a topic that was made again', async () => {
  const { log, broker } = setup()
  const openConsumer = broker.openConsumer.bind(broker)
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    session.fetch = async ({ positions }) => {
      const error = new LogError('UNKNOWN_TOPIC_ID', 'another has its name')
      return positions.map((at) => ({ ...at, batches: [], logStartOffset: 0, endOffset: 0, error }))
    }
    return session
  }
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const told: string[] = []
  const { opened, open } = gate()
  consumer.on('lost', async () => {
    told.push('lost')
    await opened
    told.push('done')
  })
  consumer.on('revoked', () => void told.push('revoked'))
  const taken = take(consumer, 1)
  await settle()
  const closed = consumer.close()
  await settle()
  assert.equal(told, ['lost'])
  open()
  await closed
  assert.equal([told, await taken], [['lost', 'done', 'revoked'], []])
})

test.run()
