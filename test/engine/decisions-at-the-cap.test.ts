// Producers that partitions remember have taken all of the kernel's memory: new ones are refused, and what the log
// decides is decided.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'

const CAP_BYTES = 4 << 20
const PARTITIONS = 300
const PAGE_BYTES = 65_536
const SMALLEST_BYTES = 512
const FULL = 4
const AT_ONCE = 200

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
      return { store: partitions, factory: new PartitionFactory(kernel, partitions, 0, partitions.scratch) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return broker
}

/** A log whose memory producers have taken that its partitions remember. */
async function full(broker: EmbeddedBroker): Promise<void> {
  await broker.admin.createTopic('full', { partitions: FULL, config: {} })
  for (let partition = 0; partition < FULL; partition++) while (await isTaken(broker, partition));
}

async function isTaken(broker: EmbeddedBroker, partition: number): Promise<boolean> {
  const records = [{ key: null, value: 'x' }]
  const request = { topic: 'full', partition, acks: 1, producerEpoch: 0, baseSequence: 0, records } as const
  try {
    const producers = await Promise.all(Array.from({ length: AT_ONCE }, () => broker.openProducer()))
    await Promise.all(producers.map((producer) => producer.append(request)))
    return true
  } catch (error) {
    if (LogError.is(error, 'MEMORY_CAP_REACHED')) return false
    throw error
  }
}

test('what the log decides is decided though producers have all of the memory', async () => {
  const kernel = newKernel(CAP_BYTES)
  const broker = await opened(kernel)
  const { admin } = broker
  await admin.createTopic('t', { partitions: PARTITIONS, config: {} })
  const transactional = await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })
  const sends = await transactional.begin()
  const { producerEpoch } = sends
  const records = [{ key: null, value: 'x' }]
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await sends.append({ topic: 't', partition, acks: 'all', producerEpoch, baseSequence: 0, records })
  }
  await full(broker)
  // What tables of producers are too large for.
  for (const sizeBytes of [PAGE_BYTES, SMALLEST_BYTES]) while (kernel.allocate(sizeBytes) !== undefined);
  assert.is(await isTaken(broker, 0), false)
  await transactional.commit()
  const positions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 't', partition, nextOffset: 1 }))
  await admin.setOffsets('group', positions)
  await admin.createTopic('made', { partitions: 1, config: {} })
  await admin.createPartitions('t', PARTITIONS + 1)
  await admin.deleteTopic('made')
  await broker.openTransactionalProducer({ transactionalId: 'another', timeoutMs: 60_000 })
  assert.is((await admin.describeGroup('group')).offsets.length, PARTITIONS + 1)
  await broker.close()
})

test.run()
