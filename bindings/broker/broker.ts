import type { Guarantees } from '../model/positions.ts'
import type { AdminSession } from './admin-session.ts'
import type { ConsumerSession, ConsumerSessionOptions } from './consumer-session.ts'
import type { ProducerSession } from './producer-session.ts'
import type { FetchedBatch, ReaderSession } from './reader-session.ts'
import type { ShareSession } from './share-session.ts'
import type { TransactionalOptions, TransactionalSession } from './transactional-session.ts'

/**
 * The port between the public classes (client/) and whatever keeps the records: the engine in this process
 * (engine/sessions/), or the process that holds the log (engine/remote/). Types only. Every promise rejects with a
 * LogError.
 */
export interface Broker {
  readonly guarantees: Guarantees
  readonly admin: AdminSession
  openProducer(): Promise<ProducerSession>
  /**
   * Opens the producer of a transactional id: fences the id's earlier producer and aborts what that one has open.
   * INVALID_TRANSACTION_TIMEOUT, INVALID_REQUEST.
   */
  openTransactionalProducer(options: TransactionalOptions): Promise<TransactionalSession>
  openConsumer(options: ConsumerSessionOptions): Promise<ConsumerSession>
  openReader(): ReaderSession
  openShare(groupId: string): Promise<ShareSession>
  /**
   * One record as read_committed shows it: a batch of one with bytes of its own; `undefined` where it shows none.
   * Without a promise if it is in memory. Throws or rejects with UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE,
   * CORRUPT_MESSAGE.
   */
  find(topic: string, partition: number, offset: number): FetchedBatch | undefined | Promise<FetchedBatch | undefined>
  /**
   * Settles as `ending` does. Where another process holds the log it rejects with NETWORK_EXCEPTION once that one gives
   * no sign of life for some seconds: a close mustn't wait for ever for one that is stopped. Missing where none does.
   */
  whileAnswered?<T>(ending: Promise<T>): Promise<T>
  /**
   * Called before consumers and producers are closed, and `close` after them: from now on nothing waits long for files
   * that the rest of the process has open.
   */
  closing?(): void
  close(): Promise<void>
}
