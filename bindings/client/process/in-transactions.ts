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
import { deadline, type ProcessingGuarantee } from './processing-guarantee.ts'
import type { StateManager } from './state-manager.ts'

export interface InTransactionsParts<T extends TopicRef> {
  readonly port: RuntimePort
  readonly consumer: GroupConsumer<T>
  readonly producers: ProcessProducers
  readonly states: StateManager
  readonly work: BatchWork<T, never>
  readonly transactionTimeoutMs: number
}

/** A transaction whose commit was asked for. */
interface Committing {
  readonly batch: DeliveredBatch
  /** Whether it was committed; rejects with what no other run mends. */
  readonly ended: Promise<boolean>
}

/**
 * A batch is handled while the transaction of the one before commits: its flush takes as long as the work of many
 * records. What it gave counts only once that one is committed. A transaction that can't be committed leaves nothing,
 * and its batch comes again.
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
    // What fails before the consumer was told of the transaction is tried again here: it would go on behind the batch.
    for (let isTold = false; !isTold; ) {
      try {
        // State that is read while a commit of this processor is on its way may lack what that makes durable.
        if (!states.has(batch.partition) && (await this.#awaitCommit(batch)) === 'comes again') return batch
        const state = await states.of(batch.partition, signal)
        const isOver = deadline(port, Math.min(leftMs, transactionTimeoutMs / 2))
        const handled = await settled(work.handle(batch, state, isOver))
        const before = await this.#awaitCommit(batch)
        if (before === 'comes again') return batch
        // It was handled on state of the transaction that failed, and doesn't come again: it is of another topic that
        // shares the state, or its partition was given up since and got again, behind what others committed.
        if (before === 'aborted') continue
        const done = await this.#send(batch, state, handled, signal, () => {
          isTold = true
        })
        // The consumer goes back to what is left of it, which an abort must not leave behind.
        return done === batch || (await this.#isCommitted()) ? done : batch
      } catch (error) {
        await this.#recover(error, batch, signal)
      }
    }
    return batch
  }

  /** Resolves once all is sent; its commit goes on. */
  async #send(
    batch: DeliveredBatch,
    state: PartitionState,
    handled: PromiseSettledResult<Handled>,
    signal: AbortSignalGiven,
    told: () => void,
  ): Promise<DeliveredBatch> {
    const { consumer, producers, states } = this.#parts
    let done = batch
    let sent = (): void => {}
    const sending = new Promise<void>((resolve) => {
      sent = resolve
    })
    const committed = producers.of(batch).transaction(async (transaction) => {
      told()
      // First of all: whatever fails from here on makes the consumer deliver the batch again.
      await transaction.sendOffsets(consumer as never, batch as never)
      if (handled.status === 'rejected') throw handled.reason
      const { records } = handled.value
      done = handled.value.done
      if (records.length > 0) await transaction.send(records)
      if (done !== batch) await transaction.sendOffsets(consumer as never, done as never)
      await states.assertThere(state)
      sent()
    })
    await Promise.race([sending, committed])
    state.sent()
    const ended = this.#end(committed, batch, state, signal)
    // Told to whoever settles it: the next batch, which an abort brings, or the end.
    ended.catch(() => {})
    this.#committing = { batch, ended }
    return done
  }

  async #end(
    committed: Promise<void>,
    batch: DeliveredBatch,
    state: PartitionState,
    signal: AbortSignalGiven,
  ): Promise<boolean> {
    try {
      await committed
      state.committed()
      this.#failures = 0
      return true
    } catch (error) {
      await this.#recover(error, batch, signal)
      return false
    }
  }

  /** State is read again from the log: whatever became of the transaction, that is what holds. */
  async #recover(error: unknown, batch: DeliveredBatch, signal: AbortSignalGiven): Promise<void> {
    this.#parts.states.forget([batch.partition])
    // Also while it is being closed: nobody else would tell.
    if (!isPassing(error)) throw error
    throwIfAborted(signal)
    await this.#parts.producers.forget([batch])
    await waitBeforeTry(this.#parts.port, ++this.#failures, signal)
  }

  /** False: the transaction before wasn't committed. */
  async #isCommitted(): Promise<boolean> {
    const committing = this.#committing
    this.#committing = undefined
    return committing === undefined || (await committing.ended)
  }

  /** What the transaction before it means to this batch: with other partitions' state it has nothing to do. */
  async #awaitCommit(batch: DeliveredBatch): Promise<'nothing' | 'aborted' | 'comes again'> {
    const { consumer, states } = this.#parts
    const before = this.#committing?.batch
    if ((await this.#isCommitted()) || before?.partition !== batch.partition) return 'nothing'
    // If it was restored after the failure, it holds changes of records that are handled again.
    states.forget([batch.partition])
    return samePlace(before, batch) && consumer.comesAgain(batch) ? 'comes again' : 'aborted'
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
 * The group moved on, the log came back, the id was taken by who had the partition before, or a topic was made again:
 * another run mends it.
 */
function isPassing(error: unknown): boolean {
  if (LogError.is(error, 'UNKNOWN_TOPIC_ID')) return true
  return LogError.is(error) && ['rejoin', 'abortable', 'retriable', 'fenced'].includes(error.category)
}
