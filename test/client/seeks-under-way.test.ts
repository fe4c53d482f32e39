// Seeks that aren't awaited: one to a time has to be looked up, and others come meanwhile.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { test } from './stores.ts'
import { gate } from './support.ts'

const at = { topic: 't', partition: 0 }

/** A consumer of four records, whose looks for a time wait for their gates, in their order. */
test('of seeks that are not awaited the last one wins, whichever is answered last', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t', { config: { 'retention.ms': -1 } })
  await log.producer().send([10, 20, 30, 40].map((timestamp) => ({ topic: 't', value: 'v', timestamp })))
  const gates: ReturnType<typeof gate>[] = []
  const offsetsForTimestamp = broker.admin.offsetsForTimestamp.bind(broker.admin)
  broker.admin.offsetsForTimestamp = async (...asked) => {
    const next = gate()
    gates.push(next)
    await next.opened
    return offsetsForTimestamp(...asked)
  }
  const until = async (count: number) => {
    while (gates.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.lag()
  const slow = consumer.seek({ ...at, timestamp: 20 })
  await until(1)
  await consumer.seek({ ...at, nextOffset: 3 })
  gates[0]?.open()
  await slow
  assert.is(consumer.position(at), 3)
  const [first, second] = [consumer.seek({ ...at, timestamp: 20 }), consumer.seek({ ...at, timestamp: 30 })]
  await until(3)
  gates[2]?.open()
  await second
  assert.is(consumer.position(at), 2)
  gates[1]?.open()
  await first
  assert.is(consumer.position(at), 2)
  const [third, fourth] = [consumer.seek({ ...at, timestamp: 40 }), consumer.seek({ ...at, timestamp: 10 })]
  await until(5)
  for (const each of gates) each.open()
  await Promise.all([third, fourth])
  assert.is(consumer.position(at), 0)
  await log.close()
})

test.run()
