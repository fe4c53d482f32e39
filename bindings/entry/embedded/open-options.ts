import { assertOptions, type OptionNames, wrongOption } from '../../client/options.ts'
import type { Topic } from '../../client/topic/topic.ts'
import { LogError } from '../../model/errors.ts'
import type { Durability } from '../../model/positions.ts'
import type { StoreCapabilities } from '../../storage/file-store.ts'

/** How a log is opened. */
export interface OpenOptions {
  /** Topics that are created if they are missing. INVALID_CONFIG where one exists and differs from its declaration. */
  topics?: readonly Topic[] | undefined
  /** The least durability that will do: DURABILITY_UNAVAILABLE where the storage gives less. By default any will do. */
  requireDurability?: Durability | undefined
  /**
   * Takes the directory for this process alone: DIRECTORY_IN_USE if another one has it open, and for others while this
   * one has. By default one of the processes that open it holds it, and the others are attached to that one.
   */
  exclusive?: boolean | undefined
  /** Most memory of the kernel, in bytes, a whole number; 268435456 by default. At this bound producers wait. */
  memoryBytes?: number | undefined
  /**
   * Most memory, in bytes and beside the kernel's, for the batches that `get` keeps; 67108864 by default. A batch
   * counts with its size on disk and 32 bytes for each record. With 0 none is kept. INVALID_REQUEST below 0.
   */
  cacheBytes?: number | undefined
  /**
   * How often the log looks for records that `retention.ms` or `retention.bytes` lets go, in milliseconds: 300000 by
   * default, at least 1. Kafka's log.retention.check.interval.ms.
   */
  retentionCheckIntervalMs?: number | undefined
  /**
   * `false` by default: no record is removed by its age while the wall clock has run ahead of the time that passed
   * since the open by more than a day, or by more than half of `retention.ms`. A warning (`RETENTION_PAUSED`) says so
   * then. Set the clock right; if it is right already, open with `true`.
   */
  retentionTrustsClock?: boolean | undefined
}

export const DEFAULT_MEMORY_BYTES: number = 256 * 1024 * 1024
export const DEFAULT_CACHE_BYTES: number = 64 * 1024 * 1024
const NAMES: OptionNames<OpenOptions> = {
  topics: true,
  requireDurability: true,
  exclusive: true,
  memoryBytes: true,
  cacheBytes: true,
  retentionCheckIntervalMs: true,
  retentionTrustsClock: true,
}
const DURABILITIES: readonly Durability[] = ['memory', 'os', 'stable', 'replicated']

/**
 * A copy, which an attached log opens the directory with when it takes over, whatever has become of the program's
 * object by then. INVALID_REQUEST for what no log can be opened with.
 */
export function checkedOptions(given: OpenOptions): OpenOptions {
  assertOptions(given, NAMES, 'open')
  const options: OpenOptions = Object.fromEntries(
    Object.keys(NAMES).map((name) => [name, given[name as keyof OpenOptions]]),
  )
  if (Array.isArray(options.topics)) options.topics = [...options.topics]
  const { memoryBytes = DEFAULT_MEMORY_BYTES, cacheBytes = DEFAULT_CACHE_BYTES, exclusive = false } = options
  if (!(Number.isSafeInteger(memoryBytes) && memoryBytes > 0))
    throw wrongOption('memoryBytes', 'a whole number above 0')
  if (!(Number.isFinite(cacheBytes) && cacheBytes >= 0)) throw wrongOption('cacheBytes', 'a number of bytes, 0 or more')
  if (typeof exclusive !== 'boolean') throw wrongOption('exclusive', 'true or false')
  const { retentionCheckIntervalMs = 1, retentionTrustsClock = false } = options
  if (!(Number.isSafeInteger(retentionCheckIntervalMs) && retentionCheckIntervalMs > 0)) {
    throw wrongOption('retentionCheckIntervalMs', 'a whole number above 0')
  }
  if (typeof retentionTrustsClock !== 'boolean') throw wrongOption('retentionTrustsClock', 'true or false')
  return options
}

/** DURABILITY_UNAVAILABLE where the storage gives less. */
export function requireDurability(capabilities: StoreCapabilities, required: Durability | undefined): void {
  if (required === undefined) return
  if (!DURABILITIES.includes(required)) {
    throw new LogError('INVALID_REQUEST', `requireDurability is one of ${DURABILITIES.join(', ')}`, {
      option: 'requireDurability',
    })
  }
  const { durability, name } = capabilities
  if (DURABILITIES.indexOf(durability) >= DURABILITIES.indexOf(required)) return
  const message = `${name} gives durability '${durability}', not '${required}'`
  throw new LogError('DURABILITY_UNAVAILABLE', message, { durability, required })
}
