// A process has no memory for what comes over the channel: who asked is told. An exception where the socket is read would
// end the program, which may be the one that holds the log.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { attachTo, listenForAttached } from '../../bindings/engine/remote/local-socket.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure } from '../client/support.ts'
import { held } from './support.ts'

/** Refuses that many of the large messages that come. */
function refusing(count: number) {
  const { allocUnsafeSlow } = Buffer
  const refused = { left: count }
  Buffer.allocUnsafeSlow = (size) => {
    if (size > 400_000 && refused.left-- > 0) throw new RangeError('Array buffer allocation failed')
    return allocUnsafeSlow(size)
  }
  const restore = () => {
    Buffer.allocUnsafeSlow = allocUnsafeSlow
  }
  return { refused, restore }
}

async function attached() {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-refused-'))
  const holder = await held(new MemoryStore())
  const connections: Channel[] = []
  const listener = await listenForAttached(root, (channel) => {
    connections.push(channel)
    new ServedChannel(channel, holder.broker, holder.recovery, new Set())
  })
  const broker = new AttachedBroker(async () => (await attachTo(root)) as Channel, nodePort)
  await broker.open()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t')
  const close = async () => {
    await log.close()
    listener.close()
    await holder.broker.close()
    await rm(root, { recursive: true, force: true })
  }
  return { log, connections, close }
}

test('a send that its holder has no memory for is sent again over the same channel until it has', async () => {
  const { log, connections, close } = await attached()
  const producer = log.producer()
  const { refused, restore } = refusing(3)
  try {
    const large = producer.send({ topic: 't', value: 'x'.repeat(500_000) })
    assert.equal(await log.admin.listTopics(), ['t'])
    assert.is((await large).offset, 0)
    assert.ok(refused.left < 0)
    assert.is((await producer.send({ topic: 't', value: 'y' })).offset, 1)
    assert.is(connections.length, 1)
  } finally {
    restore()
  }
  await close()
})

test('a read whose answer the reader has no memory for is told so, and the next one has it', async () => {
  const { log, connections, close } = await attached()
  await log.producer().send({ topic: 't', value: 'x'.repeat(500_000) })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const consumed = async () => {
    for await (const { offset } of consumer) return offset
    return undefined
  }
  const { restore } = refusing(2)
  try {
    await failure('MEMORY_CAP_REACHED', () => log.get('t', { partition: 0, offset: 0 }))
    await failure('MEMORY_CAP_REACHED', consumed)
    assert.is((await log.get('t', { partition: 0, offset: 0 }))?.offset, 0)
    assert.is(await consumed(), 0)
    assert.is(connections.length, 1)
  } finally {
    restore()
  }
  await consumer.close()
  await close()
})

test.run()
