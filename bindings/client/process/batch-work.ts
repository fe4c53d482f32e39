import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { waitMs } from '../../model/timers.ts'
import { ConsumedRecord } from '../consumer/consumed-record.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'
import { aboutRecord, deadLetterOf } from '../dead-letter.ts'
import type { ProducerRecord } from '../producer-record.ts'
import type { RecordOf } from '../records.ts'
import { abortable, throwIfAborted } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import { inKeyOrder } from './key-order.ts'
import { OutputCheck, OutputRefused } from './output-check.ts'
import type { PartitionState } from './partition-state.ts'
import { keyText } from './partition-values.ts'
import type { ProcessOptions, ProcessSettings } from './process-options.ts'
import { TurnsForOthers } from './turns-for-others.ts'
import type { WorkSignal } from './work-signal.ts'

const RETRY_MS = 10
const RETRY_MS_MAX = 1000
/**
 * With a second between two tries, this is as long as a producer waits for memory; then an allocation that never fits
 * is reported.
 */
export const FAILED_READS_MAX = 120

/**
 * Wraps what a record's last try failed with. It ends the processor, whatever the program threw: without the wrapper
 * one of the log's own errors would be taken for a failure that another run can mend.
 */
export class RecordFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** The outcome of a batch, or of its first records. */
export interface Handled {
  readonly done: DeliveredBatch
  /** The records that `handle` gave, then the changes of state. */
  readonly records: readonly ProducerRecord[]
}

export interface BatchWorkParts<T extends TopicRef, S> {
  readonly broker: Broker
  readonly port: RuntimePort
  readonly handle: ProcessOptions<T, S>['handle']
  readonly settings: ProcessSettings
  readonly signal: WorkSignal
}

/** What a processor does with the records of a batch: the program's `handle`, its retries, and what it gives. */
export class BatchWork<T extends TopicRef, S> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #handler: ProcessOptions<T, S>['handle']
  readonly #settings: ProcessSettings
  readonly #signal: WorkSignal
  readonly #outputs: OutputCheck
  readonly #turns: TurnsForOthers

  constructor({ broker, port, handle, settings, signal }: BatchWorkParts<T, S>) {
    this.#broker = broker
    this.#port = port
    this.#handler = handle
    this.#settings = settings
    this.#signal = signal
    this.#outputs = new OutputCheck(broker.openReader(), () => port.now())
    this.#turns = new TurnsForOthers(port)
  }

  /**
   * Handles as many records as there is time for before its signal aborts, at least one. Rejects with the signal's
   * reason, or a RecordFailure.
   */
  async handle(batch: DeliveredBatch, state: PartitionState, isTimeUp: () => boolean): Promise<Handled> {
    const { signal } = this.#signal
    throwIfAborted(signal)
    const given = [...batch] as unknown as ConsumedRecord[]
    const outputs = await inKeyOrder(given, {
      width: this.#settings.concurrency,
      keyOf: orderKeyOf,
      work: (each) => this.#handle(each, state, signal),
      slice: { isOver: () => isTimeUp() || signal.aborted, yieldIfDue: this.#turns.yieldIfDue },
    })
    const records: ProducerRecord[] = []
    for (const output of outputs) for (const each of output) records.push(each)
    for (const change of state.changes()) records.push(change)
    return { done: batch.first(outputs.length), records }
  }

  /**
   * Runs `handle` on one record until a run counts. With records handled side by side a run counts only if the state
   * that it read is still the newest when it ends.
   */
  async #handle(
    record: ConsumedRecord,
    state: PartitionState,
    signal: AbortSignalGiven,
  ): Promise<readonly ProducerRecord[]> {
    let failures = 0
    for (let attempt = 1; ; attempt++) {
      const layers = state.layers()
      try {
        const context = { state: state.views(layers) as never, attempt, signal }
        const ofTry = attempt === 1 ? record : ConsumedRecord.again(record)
        const given = await this.#handler(ofTry as unknown as RecordOf<T>, context)
        state.end(layers)
        const checking = this.#outputs.check(listOf(given))
        const outputs = checking instanceof Promise ? await checking : checking
        // Checked for each record, though a later one of the batch may set the same key again: where a batch ends is
        // chance, and must not decide whether a value is refused.
        const changes = this.#outputs.check(state.changes(layers))
        if (changes instanceof Promise) await changes
        // This ends: each time it happens another record of the batch has been finished.
        if (state.areStale(layers)) continue
        state.take(layers)
        return outputs
      } catch (failure) {
        state.end(layers)
        throwIfAborted(signal)
        // What it read was changed meanwhile and may not have belonged together, so the failure isn't the record's.
        if (state.areStale(layers)) continue
        failures++
        const isOfRecord = refusedOutput(failure)?.isOfRecord !== false
        if (failures > this.#settings.retries || !isOfRecord)
          return [await this.#deadLetterOf(record, failure, attempt)]
      }
      await waitBeforeTry(this.#port, failures, signal)
    }
  }

  /** The record's dead letter. Throws a RecordFailure where there is none. */
  async #deadLetterOf(record: ConsumedRecord, failure: unknown, attempts: number): Promise<ProducerRecord> {
    const { deadLetter, groupId } = this.#settings
    const refused = refusedOutput(failure)
    const error: unknown = refused === undefined ? failure : refused.error
    if (deadLetter !== undefined && refused?.isOfRecord !== false) {
      const givenUp = { topic: deadLetter, groupId, error, attempts }
      return deadLetterOf(record, givenUp, this.#broker.admin)
    }
    throw new RecordFailure(
      refused === undefined ? error : aboutRecord(error, 'what handle gave or set', record, error),
    )
  }
}

/** Anything can be thrown: a revoked proxy throws in its turn when it is asked what it is. */
function refusedOutput(failure: unknown): OutputRefused | undefined {
  try {
    return failure instanceof OutputRefused ? failure : undefined
  } catch {
    return undefined
  }
}

function listOf(given: unknown): readonly ProducerRecord[] {
  if (given === undefined) return []
  return Array.isArray(given) ? given : [given as ProducerRecord]
}

/** Records with the same key are handled in order; a record without a key is in order with no other. */
function orderKeyOf(record: ConsumedRecord): string {
  const { key } = ConsumedRecord.encodedOf(record)
  return key === null ? `${record.offset}` : `k${keyText(key)}`
}

/** The wait doubles with each failure, from 10 ms up to a second. */
export function waitBeforeTry(port: RuntimePort, failures: number, signal: AbortSignalGiven): Promise<void> {
  const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(failures - 1, 20))
  return abortable(waitMs(port, pauseMs), signal)
}
