import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'
import type { RecoveryReport } from '../../bindings/storage/recovery-report.ts'
import { returnKernel, takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'

export interface Holder {
  readonly broker: EmbeddedBroker
  readonly recovery: RecoveryReport
  readonly kernel: Kernel
  /** The log is gone, and its kernel another one's: nothing of it may be called any more. */
  discard(): void
}

/** As `open` has it (embedded-log.ts), but for the ring, which is as small as its files may be. */
const RING = { ringFileBytes: 16_384, ringFiles: 2, ringFilesUsual: 4, ringFilesMax: 32, openFilesMax: 64 }

/**
 * A log over the store on a kernel that was used before: thousands of them are opened, and an instance costs more than
 * all the rest of an opening.
 */
export async function openHolder(store: FileStore, port: RuntimePort): Promise<Holder> {
  const kernel = takeKernel()
  const engine = new Engine({
    ceilingBlock: 65_536,
    transactionBufferBytes: 1024 * 1024,
    compose: (source) => {
      const partitionStore = new FilePartitionStore(store, kernel, source, { ...RING, random: () => port.random() })
      return {
        store: partitionStore,
        factory: new PartitionFactory(kernel, partitionStore, 65_536, partitionStore.scratch),
      }
    },
  })
  const broker = new EmbeddedBroker(engine, port)
  try {
    return { broker, recovery: await broker.open(), kernel, discard: () => returnKernel(kernel) }
  } catch (error) {
    returnKernel(kernel)
    throw error
  }
}
