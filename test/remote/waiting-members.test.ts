// A member that waits for records isn't put out of its group, however often its wait begins anew.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { until } from '../until.ts'
import { held, inUse, optionsOf, Place, turns } from './support.ts'

test('a fetch that begins before the end of the last one is answered has no deadline, and one begins with its answer', async () => {
  const { broker } = await held(new MemoryStore())
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  const options = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 1000 }
  const member = await broker.openConsumer(options)
  const { generation, members } = await member.join([])
  const memberId = members[0]?.memberId ?? ''
  await member.sync(generation, [{ memberId, partitions: [{ topic: 't', partition: 0 }] }])
  const positions = [{ topic: 't', partition: 0, nextOffset: 0 }]
  const request = { positions, isolationLevel: 'read_committed', maxBytes: 1, wait: true } as const
  const first = member.fetch(request)
  member.wake()
  const second = member.fetch(request)
  assert.equal(await first, [])
  const { live } = broker.engine.groups
  const long = broker.now() + 1e6
  assert.equal(live.expired(long), [])
  member.wake()
  assert.equal(await second, [])
  assert.equal(live.expired(long), [{ groupId: 'g', memberId }])
  await broker.close()
})

/** Requests that come at about the same time come with one read, as over a socket. */
function inOneRead(channel: Channel): Channel {
  const arrived: Parameters<OnMessage>[] = []
  return {
    start: (onMessage, onEnd) =>
      channel.start((...message) => {
        arrived.push(message)
        setImmediate(() => {
          for (const each of arrived.splice(0)) onMessage(...each)
        })
      }, onEnd),
    send: (message, sent) => channel.send(message, sent),
    keepAlive: (isWanted) => channel.keepAlive(isWanted),
    end: () => channel.end(),
  }
}

test('an attached member whose wait is ended by a call waits on for as long as it likes', async () => {
  const place = new Place()
  const { broker, recovery } = await held(new MemoryStore())
  await place.listen((channel) => new ServedChannel(inOneRead(channel), broker, recovery, new Set()))
  let polls = 0
  place.fate = (method) => {
    if (method === 'poll') polls++
    return 'served'
  }
  const shared = new SharedBroker(optionsOf(place, () => Promise.reject(inUse())))
  await shared.open()
  const log = new BrokerLog(shared, nodePort)
  await log.admin.createTopic('t')
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const next = consumer[Symbol.asyncIterator]().next()
  await until(() => polls > 0)
  const before = polls
  consumer.resume()
  await until(() => polls > before)
  // Asked behind the second one, so the first one is answered by then.
  await log.admin.listTopics()
  await turns(10)
  assert.equal(broker.engine.groups.live.expired(broker.now() + 1e9), [])
  await log.producer().send({ topic: 't', value: 'a' })
  assert.is((await next).value?.offset, 0)
  await log.close()
  await broker.close()
})

test.run()
