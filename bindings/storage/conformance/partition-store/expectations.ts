import type { PartitionIdentity } from '../../partition-identity.ts'
import type { StoredPartition, StoredState } from '../../stored-state.ts'
import { check, same, sameBytes } from '../case.ts'
import type { PartitionLog } from '../partition-log.ts'

/** By the sentence that each holds a store to. */
export type PartitionCases = Readonly<Record<string, (log: PartitionLog) => Promise<void>>>

export const orders: PartitionIdentity = { topicId: 'AAAAAAAAAAAAAAAAAAAAEQ', topic: 'orders', partition: 0 }

export const orders1: PartitionIdentity = { ...orders, partition: 1 }

export const ledger: PartitionIdentity = { topicId: 'AAAAAAAAAAAAAAAAAAAAEg', topic: '__ledger', partition: 0 }

export function find(state: StoredState, id: PartitionIdentity): StoredPartition {
  const found = state.partitions.find((one) => one.id.topicId === id.topicId && one.id.partition === id.partition)
  check(found !== undefined, `${id.topic}-${id.partition} in the stored state`)
  return found
}

export function isStored(state: StoredState, { topicId, partition }: PartitionIdentity): boolean {
  return state.partitions.some(({ id }) => id.topicId === topicId && id.partition === partition)
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

export async function expectRead(
  log: PartitionLog,
  id: PartitionIdentity,
  offset: number,
  wanted: Uint8Array,
): Promise<void> {
  const seen = await log.read(id, offset)
  check(typeof seen !== 'number', `bytes of ${id.topic}-${id.partition} at ${offset}, not ${String(seen)}`)
  sameBytes(seen, wanted, `${id.topic}-${id.partition} from ${offset}`)
}

export async function expectEnd(log: PartitionLog, id: PartitionIdentity, offset: number): Promise<void> {
  same(await log.read(id, offset), 0, `${id.topic}-${id.partition} from ${offset}`)
}
