import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import { PartitionMap } from './partition-map.ts'

/** What recovery found, for a checkpoint that is written before the engine runs. */
export function recoveredSource(
  partitions: readonly { readonly stored: StoredPartition }[],
  engine: PartitionSource,
): PartitionSource {
  const recovered = new PartitionMap<StoredPartition>()
  for (const { stored } of partitions) recovered.set(stored.id, stored)
  return new RecoveredSource(recovered, engine)
}

/** Answers in the engine's place between recovery and its first step, from what recovery found. */
class RecoveredSource implements PartitionSource {
  readonly #recovered: PartitionMap<StoredPartition>
  readonly #engine: PartitionSource

  constructor(recovered: PartitionMap<StoredPartition>, engine: PartitionSource) {
    this.#recovered = recovered
    this.#engine = engine
  }

  #stored(id: PartitionIdentity): StoredPartition | undefined {
    return this.#recovered.get(id)
  }

  producers(id: PartitionIdentity): ReturnType<PartitionSource['producers']> {
    return this.#stored(id)?.producers ?? []
  }

  logStartOffset(id: PartitionIdentity): number {
    return this.#stored(id)?.logStartOffset ?? 0
  }

  ceiling(id: PartitionIdentity): number {
    return this.#stored(id)?.ceiling ?? 0
  }

  copyTail(): boolean {
    return false
  }

  segmentConfig(id: PartitionIdentity): ReturnType<PartitionSource['segmentConfig']> {
    return this.#engine.segmentConfig(id)
  }
}
