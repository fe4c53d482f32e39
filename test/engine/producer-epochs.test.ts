// Each gap that a producer has to close takes an epoch, and a batch has room for 32,768 of them: after the last one the
// producer goes on under another id.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'

const EPOCHS = 32_768

/** One batch in each epoch that it looks at, as after a gap. */
async function goThrough(session: ProducerSession, partition: number): Promise<void> {
  const ids = new Set<number>()
  for (let bumps = 0; bumps < EPOCHS + 3; bumps++) {
    if (bumps > 0) await session.bumpEpoch()
    if (bumps > 2 && bumps < EPOCHS - 3) continue
    ids.add(session.producerId)
    const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
    const { producerEpoch } = session
    const request = { topic: 't', partition, acks: 'all' as const, producerEpoch, baseSequence: 0, records }
    const { baseOffset } = await session.append(request)
    assert.is(await session.append(request).then((again) => again.baseOffset), baseOffset, 'a retry is known')
  }
  assert.is(ids.size, 2)
}

test('a producer that used up its epochs goes on under another id, in the process of its log and attached to it', async () => {
  const { broker, recovery } = await openHeld(new MemoryStore(), nodePort, {})
  await broker.admin.createTopic('t', { partitions: 2, config: {} })
  await goThrough(await broker.openProducer(), 0)
  const [mine, theirs] = loopback()
  const served = new ServedChannel(theirs, broker, recovery, new Set())
  const attached = new AttachedBroker(async () => mine, nodePort)
  await attached.open()
  await goThrough(await attached.openProducer(), 1)
  await attached.close()
  served.end()
  await broker.close()
})

test.run()
