import type { RecordsToDelete } from '../broker/admin-session.ts'
import type { JoinedGroup, MemberAssignment } from '../broker/consumer-session.ts'
import type { AppendRequest, AppendResult } from '../broker/producer-session.ts'
import type { FetchedBatch, FetchedPartition, FetchRequest } from '../broker/reader-session.ts'
import type { AcknowledgeRequest, AcquiredRange, AcquireRequest } from '../broker/share-session.ts'
import type { OffsetToCommit } from '../coordinator/group/commit-request.ts'
import type { ProducerInstance } from '../coordinator/transaction/transaction-entry.ts'
import type { TopicPartition } from '../model/positions.ts'
import type { ConfigChanges, TopicConfig } from '../model/topic-config.ts'
import type { BackupTarget } from '../storage/backup-target.ts'

export type { ProducerInstance }

export type Done<T> = (error: unknown, value?: T) => void

/** Everything that a session can ask of the engine that may take time. `done` is called exactly once. */
export type Command =
  | { kind: 'openProducer'; done: Done<number> }
  | {
      kind: 'append'
      producerId: number
      request: AppendRequest
      isTransactional: boolean
      /** Its records are still the program's own objects: it is refused where it would have to wait. */
      isBorrowed?: boolean
      done: Done<AppendResult>
    }
  | { kind: 'initTransactionalProducer'; transactionalId: string; timeoutMs: number; done: Done<ProducerInstance> }
  | { kind: 'beginTransaction'; instance: ProducerInstance; done: Done<void> }
  | { kind: 'sendOffsets'; instance: ProducerInstance; request: OffsetsCommand; done: Done<void> }
  | {
      kind: 'awaitStableOffsets'
      groupId: string
      at: readonly { readonly topicId: string; readonly partition: number }[]
      done: Done<void>
    }
  | { kind: 'endTransaction'; instance: ProducerInstance; event: 'commit' | 'abort'; done: Done<ProducerInstance> }
  | { kind: 'abortTransaction'; transactionalId: string; done: Done<ProducerInstance> }
  | { kind: 'fenceProducer'; transactionalId: string; done: Done<ProducerInstance> }
  | { kind: 'fetch'; reader: object; request: FetchRequest; done: Done<readonly FetchedPartition[]> }
  | { kind: 'wake'; reader: object }
  | { kind: 'find'; topic: string; partition: number; offset: number; done: Done<FetchedBatch | undefined> }
  | { kind: 'createTopic'; topicId: string; name: string; partitions: number; config: TopicConfig; done: Done<void> }
  | { kind: 'deleteTopic'; name: string; done: Done<void> }
  | { kind: 'createPartitions'; name: string; totalCount: number; done: Done<void> }
  | { kind: 'alterConfig'; name: string; changes: ConfigChanges; done: Done<void> }
  | { kind: 'deleteRecords'; at: readonly RecordsToDelete[]; done: Done<readonly number[]> }
  | { kind: 'joinGroup'; request: JoinCommand; rebalance: () => void; done: Done<JoinedGroup> }
  | { kind: 'syncGroup'; request: SyncCommand; done: Done<readonly TopicPartition[]> }
  | { kind: 'leaveGroup'; groupId: string; memberId: string; done: Done<void> }
  | { kind: 'commitOffsets'; request: OffsetsCommand; done: Done<void> }
  | { kind: 'setOffsets'; groupId: string; offsets: readonly OffsetToCommit[]; done: Done<void> }
  | { kind: 'deleteGroup'; groupId: string; done: Done<void> }
  | { kind: 'releaseGroups'; done: Done<void> }
  | {
      kind: 'acquireShare'
      member: ShareMember
      request: AcquireRequest
      /** Asks the consumer to give back the records that its program hasn't seen. */
      release: () => void
      done: Done<readonly AcquiredRange[]>
    }
  | { kind: 'acknowledgeShare'; member: ShareMember; request: AcknowledgeRequest; done: Done<void> }
  | { kind: 'wakeShare'; member: ShareMember; done: Done<void> }
  | { kind: 'leaveShare'; member: ShareMember; done: Done<void> }
  | { kind: 'releaseShares'; done: Done<void> }
  | { kind: 'startShareGroup'; groupId: string; at: readonly OffsetToCommit[]; done: Done<void> }
  | { kind: 'deleteShareGroup'; groupId: string; done: Done<void> }
  | {
      kind: 'offsetsForTimestamp'
      at: readonly TopicPartition[]
      timestamp: number
      done: Done<(number | undefined)[]>
    }
  | { kind: 'backup'; target: BackupTarget; done: Done<void> }
  | { kind: 'close'; done: Done<void> }

/** A consumer of a share group. The engine keeps nothing of one that holds no record and waits for none. */
export interface ShareMember {
  readonly groupId: string
  readonly memberId: string
}

export type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>

export interface JoinCommand {
  readonly groupId: string
  readonly memberId: string
  readonly rejoins: boolean
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
  readonly assignors: readonly string[]
  readonly maxPollIntervalMs: number
}

export interface SyncCommand {
  readonly groupId: string
  readonly memberId: string
  readonly generation: number
  readonly assignments: readonly MemberAssignment[]
}

export interface OffsetsCommand {
  readonly groupId: string
  readonly memberId: string
  readonly generation: number
  readonly offsets: readonly OffsetToCommit[]
}
