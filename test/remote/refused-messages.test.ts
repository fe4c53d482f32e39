// The process that holds a log has no memory for what another one sends it: that one is told, and sends it again. An
// exception where the socket is read would end the program of the holder.
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
import { held } from './support.ts'

test('a send that its holder has no memory for is sent again over the same channel until it has', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-refused-'))
  const holder = await held(new MemoryStore())
  let connections = 0
  const listener = await listenForAttached(root, (channel) => {
    connections++
    new ServedChannel(channel, holder.broker, holder.recovery, new Set())
  })
  const broker = new AttachedBroker(async () => (await attachTo(root)) as Channel, nodePort)
  await broker.open()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t')
  const producer = log.producer()
  const { allocUnsafeSlow } = Buffer
  let refusals = 3
  Buffer.allocUnsafeSlow = (size) => {
    if (size > 400_000 && refusals-- > 0) throw new RangeError('Array buffer allocation failed')
    return allocUnsafeSlow(size)
  }
  try {
    const large = producer.send({ topic: 't', value: 'x'.repeat(500_000) })
    assert.equal(await log.admin.listTopics(), ['t'])
    assert.is((await large).offset, 0)
    assert.ok(refusals < 0)
    assert.is((await producer.send({ topic: 't', value: 'y' })).offset, 1)
    assert.is(connections, 1)
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow
  }
  await log.close()
  listener.close()
  await holder.broker.close()
  await rm(root, { recursive: true, force: true })
})

test.run()
