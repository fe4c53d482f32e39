import type { Broker } from '../broker/broker.ts'
import type { FetchedBatch } from '../broker/reader-session.ts'
import { LogError } from '../model/errors.ts'
import { SharedBlocks } from '../model/memory.ts'
import { ConsumedRecord, decoderOf, type RecordSource } from './consumer/consumed-record.ts'
import { isCount } from './places.ts'
import { NO_GENERATION } from './read-run.ts'
import { HOW_TO_DECLARE, isDeclared, type TopicRef } from './topic/topic.ts'

/** Where a record stands in its topic. */
export interface RecordPlace {
  /** A whole number from 0 on. */
  readonly partition: number
  /** A whole number from 0 on. */
  readonly offset: number
}

export function getRecord(broker: Broker, topic: TopicRef, at: RecordPlace): Promise<ConsumedRecord | undefined> {
  const { partition, offset } = at ?? {}
  if (typeof topic !== 'string' && !isDeclared(topic))
    throw wrong('topic', `a declared topic or a name: ${HOW_TO_DECLARE}`)
  const decoder = decoderOf(topic)
  if (!isCount(partition) || !isCount(offset)) throw wrong('at', 'a partition and an offset, whole numbers from 0 on')
  const source = { topic: decoder.topic, partition, decoder, generation: NO_GENERATION, loan: undefined }
  const found = broker.find(decoder.topic, partition, offset)
  if (found instanceof Promise) return found.then((batch) => recordAt(batch, offset, source))
  return Promise.resolve(recordAt(found, offset, source))
}

function wrong(argument: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${argument} must be ${expected}`, { argument })
}

function recordAt(batch: FetchedBatch | undefined, offset: number, source: RecordSource): ConsumedRecord | undefined {
  const index = batch === undefined ? -1 : indexOf(batch, offset)
  return batch === undefined || index < 0 ? undefined : new ConsumedRecord(new OwnRecord(batch, index), 0, source)
}

/** -1 when the batch doesn't have it any more, after compaction. */
function indexOf(batch: FetchedBatch, offset: number): number {
  let low = 0
  let high = batch.recordCount - 1
  let index = offset - batch.baseOffset
  while (low <= high) {
    // Mostly no offset is missing.
    if (index < low || index > high) index = (low + high) >>> 1
    const found = batch.offsetOf(index)
    if (found === offset) return index
    if (found < offset) low = index + 1
    else high = index - 1
    index = -1
  }
  return -1
}

type Headers = ReturnType<FetchedBatch['headersOf']>

/** A record of a batch that others look at too, with bytes of its own. */
class OwnRecord implements FetchedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly recordCount: number = 1
  readonly #timestamp: number
  readonly #key: Uint8Array<ArrayBuffer> | null
  readonly #value: Uint8Array<ArrayBuffer> | null
  readonly #headers: Headers

  constructor(batch: FetchedBatch, index: number) {
    this.baseOffset = batch.offsetOf(index)
    this.nextOffset = this.baseOffset + 1
    this.#timestamp = batch.timestampOf(index)
    this.#key = copied(batch.keyOf(index))
    this.#value = copied(batch.valueOf(index))
    const headers = batch.headersOf(index)
    this.#headers = headers.length === 0 ? headers : headers.map(([name, value]) => [name, copied(value)] as const)
  }

  offsetOf(): number {
    return this.baseOffset
  }

  timestampOf(): number {
    return this.#timestamp
  }

  keyOf(): Uint8Array<ArrayBuffer> | null {
    return this.#key
  }

  valueOf(): Uint8Array<ArrayBuffer> | null {
    return this.#value
  }

  headersOf(): Headers {
    return this.#headers
  }
}

const blocks = new SharedBlocks()

function copied(bytes: Uint8Array<ArrayBuffer> | null): Uint8Array<ArrayBuffer> | null {
  if (bytes === null) return null
  const copy = blocks.take(bytes.length)
  copy.set(bytes)
  return copy
}
