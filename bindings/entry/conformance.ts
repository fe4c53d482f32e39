/** Holds a storage driver against the ports, in any test framework: each case is a name and a function. */
export type { Durability } from '../model/positions.ts'
export type { BackupTarget } from '../storage/backup-target.ts'
export { type BatchWish, sealedBatch } from '../storage/conformance/batches.ts'
export type { ConformanceCase } from '../storage/conformance/case.ts'
export type { FileStoreFixture } from '../storage/conformance/file-store/fixture.ts'
export { fileStoreConformance } from '../storage/conformance/file-store-suite.ts'
export type { PartitionChange, PartitionLog, PartitionStoreFixture } from '../storage/conformance/partition-log.ts'
export { partitionStoreConformance } from '../storage/conformance/partition-store-suite.ts'
export type { Effect, EffectKind, Task } from '../storage/effect.ts'
export type { Awaitable, FileStore, StoreCapabilities, StoreFile, StoreLock } from '../storage/file-store.ts'
export type { PartitionIdentity } from '../storage/partition-identity.ts'
export type { PartitionSource, SegmentConfig } from '../storage/partition-source.ts'
export type {
  AbortedTransaction,
  Ceiling,
  CommitSet,
  Compactable,
  CompactableSegment,
  Decision,
  PartitionStore,
  Removal,
  Rewrite,
  SealedBatch,
  StoredRange,
} from '../storage/partition-store.ts'
export type { Damage, ReadOnlyPartition, RecoveryReport } from '../storage/recovery-report.ts'
export type { StoredPartition, StoredProducer, StoredProducerBatch, StoredState } from '../storage/stored-state.ts'
