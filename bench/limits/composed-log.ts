import type { CleanupOptions } from '../../bindings/engine/cleanup.ts'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

/** A log as `open` makes it, with its kernel, engine and store in sight. */
export interface ComposedLog<Store extends FilePartitionStore = FilePartitionStore> {
  readonly broker: EmbeddedBroker
  readonly engine: Engine
  readonly kernel: Kernel
  readonly store: Store
}

interface ComposedOptions<Store> {
  /** 2, as in `open`, unless given. */
  readonly ringFiles?: number
  /** 256 MiB, as in `open`, unless given. */
  readonly capBytes?: number
  readonly cleanup?: CleanupOptions
  readonly storeType: new (...parts: ConstructorParameters<typeof FilePartitionStore>) => Store
}

type PlainOptions = Omit<ComposedOptions<FilePartitionStore>, 'storeType'>

export async function openComposed(directory: string, options?: PlainOptions): Promise<ComposedLog>
export async function openComposed<Store extends FilePartitionStore>(
  directory: string,
  options: ComposedOptions<Store>,
): Promise<ComposedLog<Store>>
export async function openComposed(
  directory: string,
  options: PlainOptions | ComposedOptions<FilePartitionStore> = {},
): Promise<ComposedLog> {
  const { ringFiles = 2, capBytes = 256 << 20, cleanup = {} } = options
  const storeType = 'storeType' in options ? options.storeType : FilePartitionStore
  const kernel = createKernel(loadKernelModule(), { capBytes, codecs: nodeCodecs })
  const files = { ringFileBytes: 512 * 1024, ringFiles, ringFilesUsual: 16, ringFilesMax: 128, openFilesMax: 320 }
  let composed: FilePartitionStore | undefined
  const engine = new Engine({
    ceilingBlock: 65_536,
    transactionBufferBytes: 1 << 20,
    ...cleanup,
    compose: (source) => {
      const parts = { ...files, random: nodePort.random }
      const store = new storeType(createDirectoryStore(directory), kernel, source, parts)
      composed = store
      return { store, factory: new PartitionFactory(kernel, store, 0, store.scratch) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return { broker, engine, kernel, store: composed as FilePartitionStore }
}
