import type { TopicPartition } from '../model/positions.ts'
import type { ReaderSession } from './reader-session.ts'

/** How a consumer of a share group asks for records. */
export interface AcquireRequest {
  readonly topics: readonly string[]
  readonly maxOffsets: number
  /** So long nobody else gets them. */
  readonly lockMs: number
  /** Where the group begins in a partition that it never read. */
  readonly startAt: 'earliest' | 'latest'
}

/** Offsets in a row that a consumer has the locks of, delivered as often. */
export interface AcquiredRange extends TopicPartition {
  readonly topicId: string
  readonly firstOffset: number
  readonly lastOffset: number
  /** This delivery included. */
  readonly deliveryCount: number
  /** Which beginning of the group in this partition it is counted from: a reset or deleted one begins anew. */
  readonly beginning: number
  /** How long the request had waited when the locks began. */
  readonly waitedMs: number
}

/**
 * What a consumer says of offsets that it holds, in Kafka's words (KIP-932); `unseen`: this delivery doesn't count. It
 * names the delivery, as it was acquired: no later one, also of the group begun anew, and no record of a topic made again
 * under the name.
 */
export interface AcknowledgeRequest extends TopicPartition {
  readonly topicId: string
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
  readonly beginning: number
  readonly type: 'accept' | 'release' | 'reject' | 'gap' | 'unseen' | 'renew'
  /** Of what is released: how long nobody gets it. Of what is renewed: how long its lock lasts from now on. */
  readonly delayMs: number
}

/**
 * A consumer of a share group: records of one partition go to several consumers, each under a lock of its own. Records
 * are fetched as by any reader. UNKNOWN_MEMBER_ID from any call: its locks are gone, it needs a new session.
 */
export interface ShareSession extends ReaderSession {
  /** Waits until there is something, or `wake`. The deliveries are counted durably when it resolves. */
  acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]>
  /** The process that held the log is gone, and with it all locks: what was acquired may be another's by now. */
  readonly isLost: boolean
  /**
   * Called when the process that holds the log ends: what nobody saw yet is to be given back, and no more is acquired.
   */
  onRelease(handler: () => void): void
  /**
   * Durable when it resolves, but for a release and a renewal. INVALID_RECORD_STATE for what it doesn't hold, with nothing changed; of
   * a `gap` and of what is `unseen` that counts which it still holds of the range.
   */
  acknowledge(request: AcknowledgeRequest): Promise<void>
}
