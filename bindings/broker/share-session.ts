import type { TopicPartition } from '../model/positions.ts'
import type { ReaderSession } from './reader-session.ts'

/** How a consumer of a share group asks for records. */
export interface AcquireRequest {
  readonly topics: readonly string[]
  readonly maxOffsets: number
  /** For so long nobody else gets the records. */
  readonly lockMs: number
  /** Where the group begins in a partition that it never read. */
  readonly startAt: 'earliest' | 'latest'
}

/** Consecutive offsets that a consumer has locked, with equal delivery counts. */
export interface AcquiredRange extends TopicPartition {
  readonly topicId: string
  readonly firstOffset: number
  readonly lastOffset: number
  /** This delivery included. */
  readonly deliveryCount: number
  /**
   * From which beginning of the group in this partition deliveries are counted: a group that was reset or deleted
   * begins anew.
   */
  readonly beginning: number
  /** How long the request had waited when the locks began. */
  readonly waitedMs: number
}

/**
 * How a consumer acknowledges offsets that it has locked, in Kafka's words (KIP-932); `unseen`: this delivery doesn't
 * count. It names the delivery as it was acquired, and so applies neither to a later one, such as after a reset, nor to
 * a topic that was created again under the name.
 */
export interface AcknowledgeRequest extends TopicPartition {
  readonly topicId: string
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
  readonly beginning: number
  readonly type: 'accept' | 'release' | 'reject' | 'gap' | 'unseen' | 'renew'
  /** For a release, how long nobody gets the records. For a renewal, how long the lock lasts from now on. */
  readonly delayMs: number
}

/**
 * A consumer of a share group: records of one partition go to several consumers, each under a lock of its own. Records
 * are fetched as by any reader. UNKNOWN_MEMBER_ID from any call: its locks are gone, it needs a new session.
 */
export interface ShareSession extends ReaderSession {
  /** Waits until there are records, or for `wake`. The deliveries are counted durably when it resolves. */
  acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]>
  /** The process that held the log is gone, and with it all locks: what was acquired may be another's by now. */
  readonly isLost: boolean
  /** `limitMs`: how long it may wait for an `acquire` that is under way; not at all without it. */
  close(limitMs?: number): Promise<void>
  /**
   * The handler is called when the process that holds the log is about to end: records that the program hasn't seen are
   * to be released, and no more acquired.
   */
  onRelease(handler: () => void): void
  /**
   * Durable when it resolves, except a release and a renewal. INVALID_RECORD_STATE, with nothing changed, for offsets
   * that it hasn't locked; a `gap` and `unseen` apply to those of the range that are still locked.
   */
  acknowledge(request: AcknowledgeRequest): Promise<void>
}
