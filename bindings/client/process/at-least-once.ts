import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import type { GroupConsumer } from '../consumer/consumer.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'
import type { LogProducer } from '../producer/producer.ts'
import { throwIfAborted } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import { type BatchWork, waitBeforeTry } from './batch-work.ts'
import { overAfter, type ProcessingGuarantee } from './processing-guarantee.ts'
import type { RestoredStates } from './restored-states.ts'
import type { WorkSignal } from './work-signal.ts'

export interface AtLeastOnceParts<T extends TopicRef, S> {
  readonly port: RuntimePort
  readonly consumer: GroupConsumer<T>
  readonly producer: LogProducer
  readonly states: RestoredStates
  readonly work: BatchWork<T, S>
  readonly signal: WorkSignal
}

/**
 * Sends what `handle` gave with the changes of state, then commits the offsets. What ends between the two, or fails for
 * the moment, is delivered again.
 */
export class AtLeastOnce<T extends TopicRef, S> implements ProcessingGuarantee {
  readonly #parts: AtLeastOnceParts<T, S>
  /** In a row. */
  #failures = 0

  constructor(parts: AtLeastOnceParts<T, S>) {
    this.#parts = parts
  }

  async process(batch: DeliveredBatch, leftMs: number, signal: AbortSignalGiven): Promise<DeliveredBatch> {
    try {
      const done = await this.#process(batch, leftMs, signal)
      this.#failures = 0
      return done
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error
      throwIfAborted(signal)
      const { port, states } = this.#parts
      // Some of its changes may be in the changelog.
      states.forget([batch.partition])
      await waitBeforeTry(port, ++this.#failures, signal)
      return batch.first(0)
    }
  }

  async #process(batch: DeliveredBatch, leftMs: number, signal: AbortSignalGiven): Promise<DeliveredBatch> {
    const { port, consumer, producer, states, work } = this.#parts
    const state = await states.of(batch.partition, signal)
    const handled = await work.handle(batch, state, overAfter(port, leftMs)).catch((error: unknown) => {
      if (!this.#parts.signal.isReason(error)) throw error
      throwIfAborted(signal)
      return undefined
    })
    // Its records are delivered again. What was handled is dropped: others may have gone on by now, and state that was
    // made of an older one would take the place of theirs.
    if (handled === undefined || this.#parts.signal.isPutOut) return batch
    const { done, records } = handled
    if (records.length > 0) await producer.send(records)
    await states.assertThere(state)
    state.sent()
    state.committed()
    await consumer.commit(done as never).catch((error: unknown) => {
      // Another member has the partition now, and is delivered the records again.
      if (!LogError.is(error) || error.category !== 'rejoin') throw error
    })
    return done
  }

  end(): Promise<void> {
    return this.#parts.producer.close()
  }
}

/** Another try may succeed: there is room again, or a changelog was deleted and created again. */
function isWorthAnotherTry(error: unknown): boolean {
  return LogError.is(error) && (error.category === 'retriable' || LogError.is(error, 'UNKNOWN_TOPIC_ID'))
}
