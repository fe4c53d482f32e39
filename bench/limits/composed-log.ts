import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

/** A log as `open` makes it, with its kernel and its engine in sight. */
export interface ComposedLog {
  readonly broker: EmbeddedBroker
  readonly engine: Engine
  readonly kernel: Kernel
}

export async function openComposed(directory: string): Promise<ComposedLog> {
  const kernel = createKernel(loadKernelModule(), { capBytes: 256 << 20 })
  const files = { ringFileBytes: 512 * 1024, ringFiles: 2, ringFilesUsual: 16, ringFilesMax: 128, openFilesMax: 320 }
  const engine = new Engine({
    ceilingBlock: 65_536,
    transactionBufferBytes: 1 << 20,
    compose: (source) => {
      const options = { ...files, random: nodePort.random }
      const store = new FilePartitionStore(createDirectoryStore(directory), kernel, source, options)
      return { store, factory: new PartitionFactory(kernel, store, 0) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return { broker, engine, kernel }
}
