import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import type { GroupConsumer } from '../consumer/consumer.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'
import { samePlace } from '../places.ts'
import { throwIfAborted } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import { type BatchWork, type Handled, waitBeforeTry } from './batch-work.ts'
import type { PartitionState } from './partition-state.ts'
import type { ProcessProducers } from './process-producers.ts'
import { overAfter, type ProcessingGuarantee } from './processing-guarantee.ts'
import type { RestoredStates } from './restored-states.ts'

export interface InTransactionsParts<T extends TopicRef> {
  readonly port: RuntimePort
  readonly consumer: GroupConsumer<T>
  readonly producers: ProcessProducers
  readonly states: RestoredStates
  readonly work: BatchWork<T, never>
  readonly transactionTimeoutMs: number
}

/** A batch that was handled, or failed, on the state of its partition. */
interface HandledBatch {
  readonly batch: DeliveredBatch
  readonly state: PartitionState
  readonly outcome: PromiseSettledResult<Handled>
  readonly signal: AbortSignalGiven
}

/** A transaction whose commit was asked for. */
interface Committing {
  readonly batch: DeliveredBatch
  /** Whether it was committed. Rejects with a failure that another run can't mend. */
  readonly ended: Promise<boolean>
}

/**
 * Handles a batch while the previous batch's transaction commits: that flush takes as long as handling many records.
 * What `handle` gave counts only once that transaction is committed. A transaction that can't be committed leaves
 * nothing, and its batch is delivered again.
 */
export class InTransactions<T extends TopicRef> implements ProcessingGuarantee {
  readonly #parts: InTransactionsParts<T>
  #committing: Committing | undefined
  #failures = 0

  constructor(parts: InTransactionsParts<T>) {
    this.#parts = parts
  }

  async process(batch: DeliveredBatch, leftMs: number, signal: AbortSignalGiven): Promise<DeliveredBatch> {
    const { port, states, work, transactionTimeoutMs } = this.#parts
    // Until the transaction has the consumer's offsets, a failure is retried here: an abort wouldn't rewind the
    // consumer, and it would go on after this batch.
    for (let hasBegun = false; !hasBegun; ) {
      try {
        // While a commit of this processor is under way, state that is read from the log may lack its changes.
        if (!states.has(batch.partition) && (await this.#awaitCommit(batch)) === 'comes again') return batch
        const state = await states.of(batch.partition, signal)
        const isOver = overAfter(port, Math.min(leftMs, transactionTimeoutMs / 2))
        const outcome = await settled(work.handle(batch, state, isOver))
        const before = await this.#awaitCommit(batch)
        if (before === 'comes again') return batch
        // It was handled on state of the aborted transaction, and isn't delivered again: either it is of another topic
        // that shares the state, or its partition was given up meanwhile and assigned again, and others have committed
        // past it.
        if (before === 'aborted') continue
        const done = await this.#send({ batch, state, outcome, signal }, () => {
          hasBegun = true
        })
        // The consumer then seeks the rest of the batch. The first part must be committed before that: an abort after
        // the `seek` would rewind to the rest only and skip the first part.
        return done === batch || (await this.#isCommitted()) ? done : batch
      } catch (error) {
        await this.#recover(error, { batch, signal })
      }
    }
    return batch
  }

  /** Resolves once all is sent, while its commit goes on. `began` is called once the transaction has begun. */
  async #send(handled: HandledBatch, began: () => void): Promise<DeliveredBatch> {
    const { consumer, producers, states } = this.#parts
    const { batch, state, outcome } = handled
    let done = batch
    let sent = (): void => {}
    const sending = new Promise<void>((resolve) => {
      sent = resolve
    })
    const committed = producers.of(batch).transaction(async (transaction) => {
      began()
      // First of all: whatever fails after this makes the consumer deliver the batch again.
      await transaction.sendOffsets(consumer as never, batch as never)
      if (outcome.status === 'rejected') throw outcome.reason
      const { records } = outcome.value
      done = outcome.value.done
      if (records.length > 0) await transaction.send(records)
      if (done !== batch) await transaction.sendOffsets(consumer as never, done as never)
      await states.assertThere(state)
      sent()
    })
    await Promise.race([sending, committed])
    state.sent()
    const ended = this.#end(committed, handled)
    // Not lost: the next batch, or the end of the processor, awaits `ended`.
    ended.catch(() => {})
    this.#committing = { batch, ended }
    return done
  }

  async #end(committed: Promise<void>, handled: HandledBatch): Promise<boolean> {
    try {
      await committed
      handled.state.committed()
      this.#failures = 0
      return true
    } catch (error) {
      await this.#recover(error, handled)
      return false
    }
  }

  /** Drops the state, so that it is read again from the log: that is right whatever became of the transaction. */
  async #recover(error: unknown, { batch, signal }: Pick<HandledBatch, 'batch' | 'signal'>): Promise<void> {
    this.#parts.states.forget([batch.partition])
    // Thrown even while the processor is being closed: nothing else would report it.
    if (!isWorthAnotherTransaction(error)) throw error
    throwIfAborted(signal)
    await this.#parts.producers.forget([batch])
    await waitBeforeTry(this.#parts.port, ++this.#failures, signal)
  }

  /** False if the previous batch's transaction was aborted. */
  async #isCommitted(): Promise<boolean> {
    const committing = this.#committing
    this.#committing = undefined
    return committing === undefined || (await committing.ended)
  }

  /**
   * What the outcome of the previous transaction means for this batch: nothing, if that one was of a partition with
   * other state.
   */
  async #awaitCommit(batch: DeliveredBatch): Promise<'nothing' | 'aborted' | 'comes again'> {
    const before = this.#committing?.batch
    if ((await this.#isCommitted()) || before?.partition !== batch.partition) return 'nothing'
    return samePlace(before, batch) && this.#parts.consumer.comesAgain(batch) ? 'comes again' : 'aborted'
  }

  async end(): Promise<void> {
    await this.#isCommitted().finally(() => this.#parts.producers.close())
  }
}

async function settled<R>(promise: Promise<R>): Promise<PromiseSettledResult<R>> {
  const [result] = await Promise.allSettled([promise])
  return result
}

/**
 * Another run may succeed: the group rebalanced, the log was opened again, the partition's previous member took the
 * transactional id back, or a topic was deleted and created again.
 */
function isWorthAnotherTransaction(error: unknown): boolean {
  if (LogError.is(error, 'UNKNOWN_TOPIC_ID')) return true
  return LogError.is(error) && ['rejoin', 'abortable', 'retriable', 'fenced'].includes(error.category)
}
