import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { ConsumedRecord } from '../consumer/consumed-record.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'
import { deadLetterOf } from '../dead-letter.ts'
import type { ProducerRecord } from '../producer-record.ts'
import type { RecordOf } from '../records.ts'
import { abortable, throwIfAborted } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import { inLanes } from './lanes.ts'
import { OutputCheck } from './output-check.ts'
import { keyText } from './partition-values.ts'
import type { ProcessOptions, ProcessSettings } from './process-options.ts'
import type { Stores } from './state-partitions.ts'
import { Turns } from './turns.ts'

const RETRY_MS = 10
const RETRY_MS_MAX = 1000

/** What came of a batch, or of its first records. */
export interface Handled {
  readonly done: DeliveredBatch
  /** What they gave, then their changes of state. */
  readonly records: readonly ProducerRecord[]
}

/** What a processor does with the records of a batch: the program's `handle`, its retries, and what it gives. */
export class BatchWork<T extends TopicRef, S> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #handler: ProcessOptions<T, S>['handle']
  readonly #settings: ProcessSettings
  readonly #outputs: OutputCheck
  readonly #turns: Turns

  constructor(broker: Broker, port: RuntimePort, handler: ProcessOptions<T, S>['handle'], settings: ProcessSettings) {
    this.#broker = broker
    this.#port = port
    this.#handler = handler
    this.#settings = settings
    this.#outputs = new OutputCheck(broker.admin)
    this.#turns = new Turns(port)
  }

  /** Handles as many records as there is time for, one at least. */
  async handle(
    batch: DeliveredBatch,
    stores: Stores,
    signal: AbortSignalGiven,
    isOver: () => boolean,
  ): Promise<Handled> {
    const given = [...batch] as unknown as ConsumedRecord[]
    const { concurrency } = this.#settings
    const lane = concurrency === 1 ? () => '' : laneOf
    const work = (each: ConsumedRecord) => this.#handle(each, stores, signal)
    const outputs = await inLanes(given, concurrency, lane, work, { isOver, turn: this.#turns.turn })
    const records: ProducerRecord[] = []
    for (const output of outputs) for (const each of output) records.push(each)
    for (const change of stores.changes()) records.push(change)
    return { done: batch.first(outputs.length), records }
  }

  /** Of records that are handled at once each counts only if what it read of the state still holds; else it runs again. */
  async #handle(record: ConsumedRecord, stores: Stores, signal: AbortSignalGiven): Promise<readonly ProducerRecord[]> {
    const { retries, deadLetter } = this.#settings
    let failures = 0
    for (let attempt = 1; ; attempt++) {
      const layers = stores.layers()
      try {
        const state = stores.views(layers)
        const given = await this.#handler(record as unknown as RecordOf<T>, {
          state: state as never,
          attempt,
          signal,
        })
        const outputs = listOf(given)
        // What another record of the batch sets over it counts too: where batches end is chance.
        for (const records of [outputs, stores.changes(layers)]) {
          const asking = this.#outputs.check(records)
          if (asking !== undefined) await asking
        }
        // Bounded: each time another record of the batch was done with.
        if (stores.areStale(layers)) continue
        stores.take(layers)
        return outputs
      } catch (error) {
        throwIfAborted(signal)
        // What it read didn't belong together: no failure of the record.
        if (stores.areStale(layers)) continue
        failures++
        if (failures > retries && deadLetter === undefined) throw error
        if (failures > retries) {
          return [await deadLetterOf(record, deadLetter as string, error, attempt, this.#broker.admin)]
        }
      }
      await waitBeforeTry(this.#port, failures, signal)
    }
  }
}

function listOf(given: unknown): readonly ProducerRecord[] {
  if (given === undefined) return []
  return Array.isArray(given) ? given : [given as ProducerRecord]
}

/** Records of one key are one lane. */
function laneOf(record: ConsumedRecord): string {
  const { key } = ConsumedRecord.encodedOf(record)
  return key === null ? `${record.offset}` : `k${keyText(key)}`
}

/** Doubles from 10 ms up to a second. */
export function waitBeforeTry(port: RuntimePort, failures: number, signal: AbortSignalGiven): Promise<void> {
  const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(failures - 1, 20))
  return abortable(new Promise<void>((resolve) => port.setTimer(waitMs, resolve, true)), signal)
}
