import '../../model/disposable.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import type { Position } from '../../model/positions.ts'
import type { Consumer } from '../consumer/consumer-type.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import type { Sender } from '../producer/producer-type.ts'
import type { ConsumerRecord, RecordBatch } from '../records.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'

/**
 * What can be done inside a transaction. Here `send` resolves when the records have their offsets; they become durable
 * and visible with the commit. It rejects with the error of the first refused record, never with PARTIAL_SEND. Any call
 * that fails inside fails the transaction, awaited or not. After its end every call rejects with INVALID_TXN_STATE,
 * except an abort after a commit that was refused.
 */
export interface TransactionScope extends Sender {
  /**
   * Commits the group's offsets with the transaction: `done` is a record, a batch, or positions. Nobody sees these
   * offsets before the commit. An abort drops them and makes the consumer deliver the same records again, all since its
   * last commit. Differs from Kafka, where the program seeks. Only this call tells the transaction of the consumer, so
   * an abort that comes before it doesn't take the consumer back: call it first where the work may throw.
   *
   * Rejects as `commit` of the consumer does: with UNFINISHED_RECORDS unless `allowSkip`, with ILLEGAL_GENERATION or
   * UNKNOWN_MEMBER_ID when the group moved on since the delivery, and with INVALID_REQUEST for a consumer of another
   * log.
   */
  sendOffsets(
    consumer: Consumer<TopicRef>,
    done: RecordBatch<TopicRef> | ConsumerRecord<string, unknown, unknown> | readonly Position[],
    options?: { allowSkip?: boolean | undefined },
  ): Promise<void>
}

/** A transaction that the program ends itself. Disposing of it without a commit aborts it. */
export interface Transaction extends TransactionScope, AsyncDisposable {
  /**
   * Waits for every send made inside. When it resolves, all of the transaction is durable and visible. Rejects with the
   * error of the first call inside that failed, unchanged, and with TRANSACTION_ABORTABLE when the transaction took
   * longer than `transactionTimeoutMs` or the log ended in between: then nothing of it is visible, and it is aborted.
   * Rejects besides with PRODUCER_FENCED and LOG_CLOSED. After NETWORK_EXCEPTION and KAFKA_STORAGE_ERROR it may be
   * committed or not.
   */
  commit(): Promise<void>
  /**
   * Nothing of the transaction becomes visible to committed reads. Resolves when that is durable. After a commit that
   * was refused it resolves once the abort that followed the refusal is done, and rejects only if that failed, so that
   * `catch { await transaction.abort(); throw … }` keeps the first error. During a commit it waits for that. Rejects
   * with INVALID_TXN_STATE after a commit that succeeded, and after an abort; with PRODUCER_FENCED once a newer producer
   * has the id, which aborted it, and with LOG_CLOSED.
   */
  abort(): Promise<void>
}

/** What `work` is told of the run that it is in. */
export interface TransactionContext {
  /** Which run this is; 1 for the first. */
  readonly attempt: number
  /**
   * Aborts when the run is over, when the caller's own signal does, when the producer closes, and with
   * TRANSACTION_ABORTABLE when the run has taken `transactionTimeoutMs`.
   */
  readonly signal: AbortSignalGiven
}

/**
 * Sends in transactions: records in many partitions, and offsets of consumers, become visible together or never. One
 * transaction at a time: INVALID_TXN_STATE for a second one, also while `work` of the first waits to be run again. Its
 * first transaction makes it the producer of its transactional id: what an earlier producer of this id has open is
 * aborted, and that producer is finished (PRODUCER_FENCED).
 *
 * A log in files takes up to 1,600 partitions in a transaction, or some 480 offsets: the call that is one too many
 * rejects with RECORD_LIST_TOO_LARGE. As in Kafka a partition shows nothing after the first record of a transaction
 * that is still open in it: if two transactions share only some of their partitions, the later one may be seen in the
 * others first.
 */
export interface TransactionalProducer extends AsyncDisposable {
  /**
   * Runs `work` in a transaction, awaits every send made inside, commits, and resolves with what `work` resolved with.
   * Aborts if `work` threw or a call inside failed, and rejects with that error, unchanged. An aborted `signal` ends it
   * with an abort and the signal's reason; `work` may still be running then, and its calls are refused. So does the end
   * of `transactionTimeoutMs`, with TRANSACTION_ABORTABLE.
   *
   * When the signal aborts, a request that is under way to the log, such as the commit, gets 5 s to be answered.
   * Without an answer, as while the log's holder is stopped, this rejects with the reason anyway: the commit may still
   * be done then, and until the log has answered the producer has a transaction open.
   *
   * Runs `work` again, after a short wait, up to `retries` times (0 by default): never while anything of the run before
   * may become visible, so not if only the log knows whether it was committed, and not after an error of category
   * fenced, fatal, corruption or misuse.
   *
   * Rejects besides with INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, INVALID_TXN_STATE, PRODUCER_FENCED,
   * PRODUCER_CLOSED, TRANSACTION_ABORTABLE, LOG_CLOSED, and with INVALID_PRODUCER_ID_MAPPING when nobody used the id
   * for a week, or when a newer producer has it and its epochs ran out since.
   */
  transaction<R>(
    work: (transaction: TransactionScope, context: TransactionContext) => Promise<R>,
    options?: Abortable & { retries?: number | undefined },
  ): Promise<R>
  /** Opens a transaction that the program ends itself. Rejects as `transaction` does. */
  beginTransaction(options?: Abortable): Promise<Transaction>
  /**
   * Aborts the open transaction, and ends the producer. Rejects where that abort does, such as with PRODUCER_FENCED once
   * a newer producer has the id, and with NETWORK_EXCEPTION once the process that holds the log gives no sign of life
   * for 5 s. The producer is closed even then. A second call settles as the first one.
   */
  close(): Promise<void>
}

/** Options of a transactional producer. */
export interface TransactionalProducerOptions extends Omit<ProducerOptions, 'acks'> {
  /** Only `'all'`, the default: as in Kafka a transaction needs it (INVALID_REQUIRED_ACKS for 1). */
  acks?: 'all' | undefined
  /**
   * Names the producer across restarts: a new producer of the id ends the one before (PRODUCER_FENCED). An id that
   * nobody used for a week is forgotten. Kafka's transactional.id.
   */
  transactionalId: string
  /**
   * How long a transaction may be open before the log aborts it, in milliseconds; 60000 by default, 900000 at most.
   * Kafka's transaction.timeout.ms.
   */
  transactionTimeoutMs?: number | undefined
}
