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
 * and visible with the commit. It rejects with why a record was refused: PARTIAL_SEND says nothing here. Anything that
 * fails inside fails the transaction, awaited or not. After its end every call rejects with INVALID_TXN_STATE, but for
 * an abort behind a commit that was refused.
 */
export interface TransactionScope extends Sender {
  /**
   * Makes the group of `consumer` go on after what is done, with the commit: a record, a batch, or positions. Nobody
   * sees these offsets before, an abort drops them and lets the consumer deliver the same records again: all since its
   * last commit. Only this call tells the transaction of a consumer, so an abort that comes before it moves none: make
   * it first where the work may throw. Differs from Kafka, where the program seeks. Takes and refuses what `commit` of
   * the consumer does: UNFINISHED_RECORDS unless `allowSkip`, ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID when the group
   * moved on since the delivery, INVALID_REQUEST for a consumer of another log.
   */
  sendOffsets(
    consumer: Consumer<TopicRef>,
    done: RecordBatch<TopicRef> | ConsumerRecord<string, unknown, unknown> | readonly Position[],
    options?: { allowSkip?: boolean | undefined },
  ): Promise<void>
}

/** A transaction that is ended by hand. Disposing of it without a commit aborts it. */
export interface Transaction extends TransactionScope, AsyncDisposable {
  /**
   * Waits for every send made inside. Durable and visible, all of it, when it resolves. Rejects with the error of the
   * first call inside that failed, unchanged, and with TRANSACTION_ABORTABLE when the transaction took longer than
   * `transactionTimeoutMs` or the log ended in between: then nothing of it is visible, and it is aborted.
   */
  commit(): Promise<void>
  /**
   * Nothing of it becomes visible to committed reads. Resolves when that is durable. After a commit that was refused it
   * ends as the abort that came with the refusal: it resolves unless that failed, so that `catch { await
   * transaction.abort(); throw … }` keeps the first error. Beside a commit it waits for that. Rejects with
   * INVALID_TXN_STATE after one that succeeded, and after an abort.
   */
  abort(): Promise<void>
}

/** What `work` is told of the run that it is in. */
export interface TransactionContext {
  /** 1 for the first. */
  readonly attempt: number
  /**
   * Aborts when the run is over, when the caller's own signal does, when the producer closes, and with
   * TRANSACTION_ABORTABLE when the run has taken `transactionTimeoutMs`.
   */
  readonly signal: AbortSignalGiven
}

/**
 * Sends in transactions: records in many partitions, and offsets of consumers, become visible together or never. A log
 * in files decides one of up to 1,600 partitions, or of some 480 offsets: the call that is one too many rejects with
 * RECORD_LIST_TOO_LARGE. As in Kafka a partition shows nothing behind a transaction that is still open there: of two at
 * once that share only some of their partitions, the later one may be seen in the others first. One transaction at a
 * time: INVALID_TXN_STATE for a second one, also while `work` of the first waits to be run again. The first one makes
 * it the producer of its transactional id: what an earlier producer of this id has open is aborted, and that one is
 * finished (PRODUCER_FENCED).
 */
export interface TransactionalProducer extends AsyncDisposable {
  /**
   * Runs `work` in a transaction, awaits every send made inside, commits, and resolves with what `work` gave. Aborts if
   * `work` threw or a call inside failed, and rejects with that error, unchanged. Runs `work` again, after a short
   * wait, only if asked: up to `retries` times (0 by default), unless the error is of category fenced, fatal,
   * corruption or misuse, or nobody but the log knows whether it committed: never while anything of the run before may
   * become visible. An aborted `signal` ends it with an abort and its reason, though `work` may still run: then its
   * calls are refused. So does the end of `transactionTimeoutMs`, with TRANSACTION_ABORTABLE.
   *
   * What the log is being asked when the signal aborts, such as the commit, it has 5 s to answer. Without an answer, as
   * while its holder is stopped, it rejects with the reason all the same: the commit may still be done then, and until
   * the log has answered the producer has a transaction open.
   *
   * Rejects with INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, INVALID_TXN_STATE, PRODUCER_FENCED, PRODUCER_CLOSED,
   * TRANSACTION_ABORTABLE, LOG_CLOSED besides, and with INVALID_PRODUCER_ID_MAPPING when nobody used the id for a week.
   */
  transaction<R>(
    work: (transaction: TransactionScope, context: TransactionContext) => Promise<R>,
    options?: Abortable & { retries?: number | undefined },
  ): Promise<R>
  /** Opens a transaction that the program ends itself; rejects as `transaction`. */
  beginTransaction(options?: Abortable): Promise<Transaction>
  /** Aborts what is open, and ends the producer. A second call gives the first's answer. */
  close(): Promise<void>
}

/** Options of a transactional producer. */
export interface TransactionalProducerOptions extends Omit<ProducerOptions, 'acks'> {
  /** Nothing else, as in Kafka: INVALID_REQUIRED_ACKS for 1. */
  acks?: 'all' | undefined
  /** Who sends, over restarts: at most one producer of it is in force. One that nobody used for a week is forgotten. */
  transactionalId: string
  /** After so many milliseconds, 60000 by default, at most 900000, the log aborts a transaction that isn't ended. */
  transactionTimeoutMs?: number | undefined
}
