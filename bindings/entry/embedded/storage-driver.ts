import { LogError } from '../../model/errors.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { PartitionStore } from '../../storage/partition-store.ts'

/**
 * Where a log keeps its records: in named files, or in something with rows and transactions. The latter may ask the log
 * for what its bytes don't tell.
 */
export type StorageDriver = FileStore | ((source: PartitionSource) => PartitionStore)

const FILE_STORE = ['open', 'list', 'rename', 'remove', 'syncDirectory', 'lock', 'close']
const PARTITION_STORE = ['open', 'create', 'remove', 'activate', 'append', 'read', 'prepareRead', 'commit', 'close']

/** INVALID_REQUEST for what can't be one: what a driver does is held against the port by the conformance suite. */
export function checkDriver(driver: unknown): void {
  if (typeof driver === 'function') return
  assertStore(driver, FILE_STORE, 'a FileStore, or a function that makes a PartitionStore')
  if ((driver as FileStore).capabilities.rename) return
  const message = "the driver can't rename: a log over files replaces its small files by that"
  throw new LogError('INVALID_REQUEST', message, { argument: 'driver' })
}

/** The store that the function makes; INVALID_REQUEST if it makes none. */
export function rowsOf(driver: (source: PartitionSource) => PartitionStore, source: PartitionSource): PartitionStore {
  const store = driver(source)
  assertStore(store, PARTITION_STORE, 'a function that makes a PartitionStore')
  return store
}

function assertStore(store: unknown, methods: readonly string[], expected: string): void {
  const given = (store ?? {}) as Record<string, unknown>
  const { name, durability } = (given['capabilities'] ?? {}) as Record<string, unknown>
  const lacking = methods.filter((method) => typeof given[method] !== 'function')
  if (typeof name === 'string' && typeof durability === 'string' && lacking.length === 0) return
  const missing = lacking.length === 0 ? 'capabilities' : lacking.join(', ')
  throw new LogError('INVALID_REQUEST', `the driver must be ${expected}; it has no ${missing}`, { argument: 'driver' })
}
