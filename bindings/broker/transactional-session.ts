import type { ConsumerSession } from './consumer-session.ts'
import type { ProducerSession } from './producer-session.ts'
import type { TopicPosition } from './reader-session.ts'

export interface TransactionalOptions {
  readonly transactionalId: string
  readonly timeoutMs: number
}

/**
 * The producer of a transactional id, one transaction at a time. A call may be repeated after a lost answer. Any of
 * them rejects with PRODUCER_FENCED once a newer producer was opened, with TRANSACTION_ABORTABLE when the log doesn't
 * have that transaction open any more: `abort` then brings the session back in step.
 */
export interface TransactionalSession {
  /**
   * Opens a transaction. Its sends go through the session that this resolves with, with sequences from 0: an append
   * resolves when the records have their offsets, whatever its `acks`.
   */
  begin(): Promise<ProducerSession>
  /**
   * Offsets that are committed for the group with the transaction. ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID after the
   * group moved on; INVALID_REQUEST for a consumer of another broker.
   */
  sendOffsets(consumer: ConsumerSession, positions: readonly TopicPosition[], generation: number): Promise<void>
  /** Durable and visible, records and offsets, when it resolves. */
  commit(): Promise<void>
  abort(): Promise<void>
}
