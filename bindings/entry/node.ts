/** What `import … from 'oncelog'` gives on Node, Deno and Bun. */
import { MemoryStore } from '../storage/drivers/memory.ts'
import { createDirectoryStore } from '../storage/drivers/node-fs.ts'
import { type FileUrl, pathOf } from './embedded/directory-path.ts'
import { type EmbeddedLog, openLog, openShared } from './embedded/embedded-log.ts'
import { nodePort } from './embedded/node-port.ts'
import type { OpenOptions } from './embedded/open-options.ts'
import { type SalvageOptions, type SalvageReport, salvageDirectory } from './embedded/salvage.ts'
import type { StorageDriver } from './embedded/storage-driver.ts'

export type { DeletedRecords, PartitionOffsets, RecordsToDelete } from '../broker/admin-session.ts'
export type { GroupMember } from '../broker/consumer-session.ts'
export type {
  GroupDescription,
  GroupDetails,
  GroupOffset,
  MemberDescription,
  PartitionProducers,
  ProducerDescription,
  ShareGroupDescription,
  ShareGroupOffset,
  TransactionDescription,
} from '../broker/descriptions.ts'
export type { Admin, TopicDescription } from '../client/admin/admin-type.ts'
export type { OffsetReset, ResetOptions, ResetPoint } from '../client/admin/reset-offsets.ts'
export type { BatchOptions, ReadBatchOptions } from '../client/batch-options.ts'
export type { Assignor } from '../client/consumer/assignor.ts'
export type { AutoOffsetReset, ConsumerOptions } from '../client/consumer/consumer-options.ts'
export type { Consumer, RebalanceEvent, RebalanceHandler } from '../client/consumer/consumer-type.ts'
export type { RecordPlace } from '../client/get-record.ts'
export type { Log } from '../client/log.ts'
export type { IngestItem, IngestOptions } from '../client/process/ingest.ts'
export {
  type AnyStateStore,
  type KeyValue,
  type StateStore,
  type StatesOf,
  store,
} from '../client/process/keyed-state.ts'
export type { ProcessContext, ProcessOptions } from '../client/process/process-options.ts'
export type { Processor } from '../client/process/processor.ts'
export type { ReadonlyTable } from '../client/process/table.ts'
export type { UserPartitioner } from '../client/producer/partitioner.ts'
export type { Compression, ProducerOptions } from '../client/producer/producer-options.ts'
export type { Producer, Sender, SendOptions } from '../client/producer/producer-type.ts'
export type { ProducerRecord, RecordHeadersInit, RecordInput, RecordMetadata } from '../client/producer-record.ts'
export type { Reader, ReadOptions } from '../client/read.ts'
export type { BatchOf, ConsumerRecord, RecordBatch, RecordHeaders, RecordOf } from '../client/records.ts'
export type { ShareConsumer, SharedRecordOf } from '../client/share/share-consumer-type.ts'
export type { ShareConsumerOptions } from '../client/share/share-options.ts'
export type { Abortable } from '../client/signals.ts'
export type { StartPoint } from '../client/start-point.ts'
export { bytes, type Codec, string, unchecked } from '../client/topic/codec.ts'
export { json } from '../client/topic/json.ts'
export { type Topic, type TopicRef, topic } from '../client/topic/topic.ts'
export type {
  Transaction,
  TransactionalProducer,
  TransactionalProducerOptions,
  TransactionContext,
  TransactionScope,
} from '../client/transaction/transaction-type.ts'
export type { ErrorCategory, ErrorCode } from '../model/error-table.ts'
export { type ErrorDetails, LogError } from '../model/errors.ts'
export type { AbortSignalGiven, AbortSignalLike, ReadableStreamGiven, ReadableStreamLike } from '../model/platform.ts'
export type { Acks, Durability, Guarantees, IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
export type {
  InferInput,
  InferOutput,
  StandardIssue,
  StandardResult,
  StandardSchemaProps,
  StandardSchemaV1,
} from '../model/standard-schema.ts'
export type { ConfigChanges, TopicConfig } from '../model/topic-config.ts'
export type { CleanupPolicy, TimestampType, TopicCompression, TopicConfigKeys } from '../model/topic-config-keys.ts'
export type { BackupTarget } from '../storage/backup-target.ts'
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
export type { FileUrl } from './embedded/directory-path.ts'
export type { EmbeddedLog } from './embedded/embedded-log.ts'
export type { OpenOptions } from './embedded/open-options.ts'
export type { Loss, SalvageOptions, SalvageReport } from './embedded/salvage.ts'
export type { StorageDriver } from './embedded/storage-driver.ts'

/**
 * Opens the log in a directory, and makes one if there is none. A string is a path in the runtime's own file system. If
 * the last holder died, it recovers first; `log.recovery` tells what was found. If a process, this one included, has
 * the directory open already, the new log is attached to that one; `log.role` says so. An open log doesn't keep its
 * process alive: calls that are under way do, and what waits for records, such as an iteration, a table or a processor.
 *
 * Rejects with DIRECTORY_IN_USE with `exclusive`, or if a holder doesn't answer within 5 s, as one with `exclusive`
 * never does (the details name pid, host and since when); with CORRUPT_LOG, CORRUPT_MESSAGE or UNSUPPORTED_VERSION for
 * a directory that it can't vouch for, and with COPY_UNFINISHED for a copy that was never finished; with
 * LOCK_UNSUPPORTED where the system has no lock, and KERNEL_UNAVAILABLE where the process has no WebAssembly; with
 * KAFKA_STORAGE_ERROR or STORAGE_FULL where the directory can't be read or written; with INVALID_CONFIG,
 * DURABILITY_UNAVAILABLE or INVALID_REQUEST for its options, and MEMORY_CAP_REACHED if `memoryBytes` is too little for
 * it. Differs from Kafka: nothing but `createTopic` and the option `topics` creates a topic.
 */
export async function open(directory: string | FileUrl, options: OpenOptions = {}): Promise<EmbeddedLog> {
  const path = pathOf(directory)
  return openShared(path, () => createDirectoryStore(path), nodePort, options)
}

/**
 * Opens a log that lives in memory and ends with the process: for tests, and for records that needn't be kept. Nobody
 * else can send to it, so nothing that waits for its records keeps the process alive. Rejects as `open` does for its
 * options.
 */
export async function openMemory(options: OpenOptions = {}): Promise<EmbeddedLog> {
  return openLog(new MemoryStore(), nodePort, options)
}

/**
 * Opens a log over a storage driver of the program's own: a `FileStore` (something with named files), or a function
 * that makes a `PartitionStore` (something with rows and a transaction). The log closes it. It belongs to this process
 * alone: the driver's lock keeps others out, and nobody attaches; as of one in memory, nothing that waits for its
 * records keeps the process alive. Run `oncelog/conformance` over the driver first: the log can only promise what the
 * driver does.
 *
 * Rejects with INVALID_REQUEST for what is no driver, with what its `lock` rejects with (DIRECTORY_IN_USE), else as
 * `open`.
 */
export async function openDriver(driver: StorageDriver, options: OpenOptions = {}): Promise<EmbeddedLog> {
  return openLog(driver, nodePort, options)
}

/**
 * Copies what is provably intact of a damaged log into a new directory, and tells what isn't. Offsets, producers,
 * transactions and committed offsets stay as they were; the source is only read. Lost records leave a hole in the
 * offsets, which readers pass over as they do after compaction. If the end of a transaction is lost, its records count
 * as aborted, or are left out if a later commit would make them count as committed. Resolves once the copy is durable:
 * it can be opened and written to. Until then, and after a crash, a rejection or a signal, opening the copy rejects
 * with COPY_UNFINISHED. It reads the log twice and needs at most 256 MiB of kernel memory.
 *
 * Rejects with INVALID_REQUEST if the directory holds no log, or if the target isn't empty or lies in it; with
 * DIRECTORY_IN_USE while a process has the source open, or another one writes to the target; with COPY_UNFINISHED if
 * the source is a copy that was never finished; with UNSUPPORTED_VERSION, UNSUPPORTED_COMPRESSION_TYPE, STORAGE_FULL,
 * KAFKA_STORAGE_ERROR, MEMORY_CAP_REACHED, LOCK_UNSUPPORTED; with the signal's reason.
 */
export async function salvage(
  directory: string | FileUrl,
  target: string | FileUrl,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  return salvageDirectory(directory, target, nodePort, options)
}
