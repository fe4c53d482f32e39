import type { RecordsToDelete, Unread } from '../broker/admin-session.ts'
import type { JoinedGroup, MemberAssignment } from '../broker/consumer-session.ts'
import type { AppendRequest, AppendResult } from '../broker/producer-session.ts'
import type { FetchedBatch, FetchedPartition, FetchRequest } from '../broker/reader-session.ts'
import type { AcknowledgeRequest, AcquiredRange, AcquireRequest } from '../broker/share-session.ts'
import type { OffsetToCommit } from '../coordinator/group/commit-request.ts'
import type { ProducerInstance } from '../coordinator/transaction/transaction-entry.ts'
import type { IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
import type { ConfigChanges, TopicConfig } from '../model/topic-config.ts'
import type { BackupTarget } from '../storage/backup-target.ts'

export type { ProducerInstance }

/** How a command or a task ends: with an error, or else with a value. Called exactly once. */
export type Callback<T> = (error: unknown, value?: T) => void

/** Everything that a session can ask of the engine that may take time. */
export type Command =
  | { kind: 'openProducer'; done: Callback<number> }
  | {
      kind: 'append'
      producerId: number
      request: AppendRequest
      isTransactional: boolean
      /** Its records are still the program's own objects: it is refused where it would have to wait. */
      isBorrowed?: boolean
      done: Callback<AppendResult>
    }
  | { kind: 'initTransactionalProducer'; transactionalId: string; timeoutMs: number; done: Callback<ProducerInstance> }
  | { kind: 'beginTransaction'; instance: ProducerInstance; done: Callback<void> }
  | { kind: 'sendOffsets'; instance: ProducerInstance; request: OffsetsCommand; done: Callback<void> }
  | {
      kind: 'awaitStableOffsets'
      groupId: string
      at: readonly { readonly topicId: string; readonly partition: number }[]
      done: Callback<void>
    }
  | { kind: 'endTransaction'; instance: ProducerInstance; event: 'commit' | 'abort'; done: Callback<ProducerInstance> }
  | { kind: 'abortTransaction'; transactionalId: string; done: Callback<ProducerInstance> }
  | { kind: 'fenceProducer'; transactionalId: string; done: Callback<ProducerInstance> }
  | { kind: 'fetch'; reader: object; request: FetchRequest; done: Callback<readonly FetchedPartition[]> }
  /** `isLast`: the reader fetches no more. */
  | { kind: 'wake'; reader: object; isLast?: boolean }
  | { kind: 'find'; topic: string; partition: number; offset: number; done: Callback<FetchedBatch | undefined> }
  | {
      kind: 'createTopic'
      topicId: string
      name: string
      partitions: number
      config: TopicConfig
      done: Callback<void>
    }
  | { kind: 'deleteTopic'; name: string; done: Callback<void> }
  | { kind: 'createPartitions'; name: string; totalCount: number; done: Callback<void> }
  | { kind: 'alterConfig'; name: string; changes: ConfigChanges; done: Callback<void> }
  | { kind: 'deleteRecords'; at: readonly RecordsToDelete[]; done: Callback<readonly number[]> }
  | { kind: 'joinGroup'; request: JoinCommand; rebalance: () => void; done: Callback<JoinedGroup> }
  | { kind: 'syncGroup'; request: SyncCommand; done: Callback<readonly TopicPartition[]> }
  | { kind: 'leaveGroup'; groupId: string; memberId: string; done: Callback<void> }
  | { kind: 'commitOffsets'; request: OffsetsCommand; done: Callback<void> }
  | { kind: 'setOffsets'; groupId: string; offsets: readonly OffsetToCommit[]; done: Callback<void> }
  | { kind: 'deleteGroup'; groupId: string; done: Callback<void> }
  | { kind: 'releaseGroups'; done: Callback<void> }
  | {
      kind: 'acquireShare'
      member: ShareMember
      request: AcquireRequest
      /** Asks the consumer to release the records that its program hasn't seen. */
      release: () => void
      done: Callback<readonly AcquiredRange[]>
    }
  | { kind: 'acknowledgeShare'; member: ShareMember; request: AcknowledgeRequest; done: Callback<void> }
  | { kind: 'wakeShare'; member: ShareMember; done: Callback<void> }
  | { kind: 'leaveShare'; member: ShareMember; done: Callback<void> }
  | { kind: 'releaseShares'; done: Callback<void> }
  | { kind: 'startShareGroup'; groupId: string; at: readonly OffsetToCommit[]; done: Callback<void> }
  | { kind: 'deleteShareGroup'; groupId: string; done: Callback<void> }
  | {
      kind: 'offsetsForTimestamp'
      at: readonly TopicPartition[]
      timestamp: number
      done: Callback<(number | undefined)[]>
    }
  | { kind: 'unread'; at: readonly Position[]; isolationLevel: IsolationLevel; done: Callback<readonly Unread[]> }
  /** Until all is durable that was planned before: what is told of it is true after a crash, too. */
  | { kind: 'awaitDecisions'; done: Callback<void> }
  | { kind: 'backup'; target: BackupTarget; done: Callback<void> }
  | { kind: 'close'; done: Callback<void> }

/** A consumer of a share group. The engine remembers nothing of one that holds no record and waits for none. */
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
