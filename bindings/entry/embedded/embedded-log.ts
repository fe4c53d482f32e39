import type { RuntimePort } from '../../broker/port.ts'
import { ensureTopics } from '../../client/admin.ts'
import { BrokerLog, type Log } from '../../client/log.ts'
import type { Topic } from '../../client/topic/topic.ts'
import { Engine } from '../../engine/engine.ts'
import { EmbeddedBroker } from '../../engine/sessions/embedded-broker.ts'
import { createKernel } from '../../kernel/create-kernel.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'
import { PartitionFactory } from '../../log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../log/store/file-partition-store.ts'
import { LogError } from '../../model/errors.ts'
import type { Durability } from '../../model/positions.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { RecoveryReport } from '../../storage/partition-store.ts'

/** How a log is opened. */
export interface OpenOptions {
  /** Created if missing; rejects with INVALID_CONFIG where an existing one differs from its declaration. */
  topics?: readonly Topic[] | undefined
  /** Rejects with DURABILITY_UNAVAILABLE where the storage gives less. Nothing is asked unless said. */
  requireDurability?: Durability | undefined
  /** Upper bound of the kernel's memory in bytes, 268435456 by default; at the cap producers wait. */
  memoryBytes?: number | undefined
}

/** What only a log in the program's own process has. */
export interface EmbeddedLog extends Log {
  /** What opening found: damage, what was replayed, what was set aside. */
  readonly recovery: RecoveryReport
}

/** Offsets that an unclean end may leave unused in a partition with `acks: 1` (docs/durability.md, rule 5). */
const CEILING_BLOCK = 65_536
/** 1 MiB to begin with, 8 MiB in use, 64 MiB at most: what recovery replays is bounded by it. */
const RING = { ringFileBytes: 512 * 1024, ringFiles: 2, ringFilesUsual: 16, ringFilesMax: 128 }
const OPEN_FILES_MAX = 384
const MEMORY_BYTES = 256 * 1024 * 1024
const DURABILITIES: readonly Durability[] = ['memory', 'os', 'stable', 'replicated']

class OpenedLog extends BrokerLog implements EmbeddedLog {
  readonly recovery: RecoveryReport

  constructor(broker: EmbeddedBroker, port: RuntimePort, recovery: RecoveryReport) {
    super(broker, port)
    this.recovery = recovery
  }
}

/** A log over any file store. */
export async function openLog(store: FileStore, port: RuntimePort, options: OpenOptions = {}): Promise<EmbeddedLog> {
  requireDurability(store, options.requireDurability)
  const kernel = createKernel(loadKernelModule(), { capBytes: options.memoryBytes ?? MEMORY_BYTES })
  const engine = new Engine({
    ceilingBlock: CEILING_BLOCK,
    compose: (source) => {
      const options = { ...RING, openFilesMax: OPEN_FILES_MAX, random: () => port.random() }
      const partitions = new FilePartitionStore(store, kernel, source, options)
      return { store: partitions, factory: new PartitionFactory(kernel, partitions) }
    },
  })
  const broker = new EmbeddedBroker(engine, port)
  const recovery = await broker.open()
  try {
    await ensureTopics(broker.admin, options.topics ?? [])
  } catch (error) {
    await broker.close()
    throw error
  }
  return new OpenedLog(broker, port, recovery)
}

function requireDurability(store: FileStore, required: Durability | undefined): void {
  if (required === undefined) return
  if (!DURABILITIES.includes(required)) {
    throw new LogError('INVALID_REQUEST', `requireDurability is one of ${DURABILITIES.join(', ')}`, {
      option: 'requireDurability',
    })
  }
  const { durability, name } = store.capabilities
  if (DURABILITIES.indexOf(durability) >= DURABILITIES.indexOf(required)) return
  const message = `${name} gives durability '${durability}', not '${required}'`
  throw new LogError('DURABILITY_UNAVAILABLE', message, { durability, required })
}
