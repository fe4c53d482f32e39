// Decisions need memory of the kernel for a moment, and a log that can't write one ends: at the cap tails make room.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'

const PARTITIONS = 300
const PAGE_BYTES = 65_536
const SMALLEST_BYTES = 512
const MIDDLE_BYTES = 2048
const BUSY = 8

async function opened(kernel: Kernel): Promise<EmbeddedBroker> {
  const engine = new Engine({
    ceilingBlock: 64,
    transactionBufferBytes: 1 << 20,
    compose: (source) => {
      const ring = { ringFileBytes: 262_144, ringFiles: 2, ringFilesUsual: 8, ringFilesMax: 8 }
      const partitions = new FilePartitionStore(new VirtualDisk(), kernel, source, {
        ...ring,
        openFilesMax: 64,
        random: () => 0.5,
      })
      return { store: partitions, factory: new PartitionFactory(kernel, partitions, 0) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return broker
}

/** A log whose tails have all the memory that indexes and producers left. */
async function atTheCap(): Promise<EmbeddedBroker> {
  const kernel = newKernel(4 << 20)
  const broker = await opened(kernel)
  await broker.admin.createTopic('t', { partitions: PARTITIONS, config: {} })
  const producer = await broker.openProducer()
  const sends = Array.from({ length: BUSY }, (_, partition) => {
    const records = [{ key: null, value: 'x'.repeat(20_000) }]
    return producer.append({ topic: 't', partition, acks: 'all', producerEpoch: 0, baseSequence: 0, records })
  })
  await Promise.all(sends)
  // Others of its size are free then.
  assert.ok(kernel.allocate(MIDDLE_BYTES))
  for (const sizeBytes of [PAGE_BYTES, SMALLEST_BYTES]) while (kernel.allocate(sizeBytes) !== undefined);
  return broker
}

test('offsets of many partitions are committed though tails have all the memory that is left', async () => {
  const broker = await atTheCap()
  const positions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 't', partition, nextOffset: 0 }))
  await broker.admin.setOffsets('group', positions)
  assert.is((await broker.admin.describeGroup('group')).offsets.length, PARTITIONS)
  await broker.close()
})

test('a transaction ends though there is memory for its decision and none for its marker', async () => {
  const broker = await atTheCap()
  const transactionalId = 'i'.repeat(MIDDLE_BYTES / 2)
  const transactional = await broker.openTransactionalProducer({ transactionalId, timeoutMs: 60_000 })
  const sends = await transactional.begin()
  const records = [{ key: null, value: 'x' }]
  const { producerEpoch } = sends
  await sends.append({ topic: 't', partition: 0, acks: 'all', producerEpoch, baseSequence: 0, records })
  await transactional.commit()
  await broker.close()
})

test.run()
