import type { Broker } from '../../bindings/broker/broker.ts'
import type { RuntimePort } from '../../bindings/broker/port.ts'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'

const RING = { ringFileBytes: 512 * 1024, ringFiles: 2, ringFilesUsual: 16, ringFilesMax: 128, openFilesMax: 320 }

/** A broker in memory: its sessions can be got at, and it may have a clock of its own. */
export async function brokerInMemory(port: RuntimePort = nodePort): Promise<Broker> {
  const kernel = createKernel(loadKernelModule(), { capBytes: 2 ** 28 })
  const engine = new Engine({
    ceilingBlock: 65_536,
    transactionBufferBytes: 2 ** 20,
    compose: (source) => {
      const partitions = new FilePartitionStore(new MemoryStore(), kernel, source, {
        ...RING,
        random: () => port.random(),
      })
      return { store: partitions, factory: new PartitionFactory(kernel, partitions, 2 ** 20) }
    },
  })
  const broker = new EmbeddedBroker(engine, port)
  await broker.open()
  return broker
}
