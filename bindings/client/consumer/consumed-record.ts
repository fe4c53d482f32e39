import type { FetchedBatch } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { ConsumerRecord, RecordHeaders } from '../records.ts'
import { bytes, type Codec } from '../topic/codec.ts'
import type { Topic, TopicRef } from '../topic/topic.ts'
import { showAs } from './show-as.ts'

/** How the keys and values of one topic are decoded. */
export interface Decoder {
  readonly topic: string
  readonly key: Codec<never, unknown>
  readonly value: Codec<never, unknown>
}

export function decoderOf(ref: TopicRef): Decoder {
  if (typeof ref === 'string') return { topic: ref, key: bytes as never, value: bytes as never }
  const { name, key, value } = ref as Topic
  return { topic: name, key: key as never, value: value as never }
}

/** What all records of one delivery from one partition have in common. */
export interface RecordSource {
  readonly topic: string
  readonly partition: number
  readonly decoder: Decoder
  /** The member's partition itself, as it may have been lost and assigned again since; `undefined` outside groups. */
  readonly held: TopicPartition | undefined
  /** Set for records of borrowed batches. */
  readonly loan: Loan | undefined
}

/** Tells how long the bytes of a borrowed batch stay as they are. */
export interface Loan {
  isOver: boolean
}

const NOT_DECODED: unique symbol = Symbol('not decoded')

/**
 * A record that reads the bytes of its batch. Key and value are decoded when they are first asked for, and only once.
 */
export class ConsumedRecord implements ConsumerRecord<string, unknown, unknown> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly #source: RecordSource
  readonly #batch: FetchedBatch
  readonly #index: number
  #key: unknown = NOT_DECODED
  #value: unknown = NOT_DECODED

  constructor(batch: FetchedBatch, index: number, source: RecordSource) {
    this.topic = source.topic
    this.partition = source.partition
    this.offset = batch.offsetOf(index)
    this.#source = source
    this.#batch = batch
    this.#index = index
  }

  get timestamp(): number {
    return this.#held().timestampOf(this.#index)
  }

  /** Static, because the record's public type doesn't have it. */
  static heldAtDelivery(record: ConsumedRecord): TopicPartition | undefined {
    return record.#source.held
  }

  /** The same record, not decoded yet: the program may have changed what it was given. */
  static again(record: ConsumedRecord): ConsumedRecord {
    return new ConsumedRecord(record.#batch, record.#index, record.#source)
  }

  /** The record as it was stored. Static, because the record's public type doesn't have it. */
  static encodedOf(record: ConsumedRecord): {
    readonly key: Uint8Array | null
    readonly value: Uint8Array | null
    readonly headers: ReturnType<FetchedBatch['headersOf']>
  } {
    const [batch, index] = [record.#batch, record.#index]
    return { key: batch.keyOf(index), value: batch.valueOf(index), headers: batch.headersOf(index) }
  }

  get key(): unknown {
    if (this.#key === NOT_DECODED) {
      this.#key = this.#decode('key', this.#held().keyOf(this.#index), this.#source.decoder.key)
    }
    return this.#key
  }

  get value(): unknown {
    if (this.#value === NOT_DECODED) {
      this.#value = this.#decode('value', this.#held().valueOf(this.#index), this.#source.decoder.value)
    }
    return this.#value
  }

  get headers(): RecordHeaders {
    return new Headers(this.#held().headersOf(this.#index))
  }

  /** All fields as its own, decoded: `JSON.stringify` would leave out those that are getters. */
  toJSON(): object {
    const { timestamp, key, value, headers } = this
    return { ...this, timestamp, key, value, headers }
  }

  /** The batch, as long as its bytes are there. Throws INVALID_REQUEST once a loan has ended. */
  #held(): FetchedBatch {
    if (this.#source.loan?.isOver === true) throw this.#tooLate()
    return this.#batch
  }

  #tooLate(): LogError {
    const { topic, partition, offset } = this
    const message = `the record at offset ${offset} of ${topic}-${partition} was borrowed, and the next batch was asked for`
    return new LogError('INVALID_REQUEST', message, { topic, partition, offset })
  }

  #decode(part: string, encoded: Uint8Array | null, codec: Codec<never, unknown>): unknown {
    if (encoded === null) return null
    try {
      return codec.decode(encoded)
    } catch (error) {
      if (LogError.is(error, 'SCHEMA_ASYNC')) throw error
      const { topic, partition, offset } = this
      const message = `the ${part} at offset ${offset} of ${topic}-${partition} can't be decoded${LogError.is(error) ? `: ${error.message}` : ''}`
      throw new LogError('RECORD_DESERIALIZATION', message, { topic, partition, offset, part }, error)
    }
  }
}

/**
 * As `toJSON`, but a field that can't be decoded shows its error: that may be just what somebody who prints a record is
 * looking for.
 */
function shownRecord(record: ConsumedRecord): object {
  const shown: Record<string, unknown> = { ...record }
  for (const field of ['timestamp', 'key', 'value', 'headers'] as const) {
    try {
      shown[field] = record[field]
    } catch (error) {
      shown[field] = error
    }
  }
  return shown
}

showAs(ConsumedRecord, shownRecord)

class Headers implements RecordHeaders {
  readonly #pairs: readonly (readonly [string, Uint8Array<ArrayBuffer> | null])[]

  constructor(pairs: readonly (readonly [string, Uint8Array<ArrayBuffer> | null])[]) {
    this.#pairs = pairs
  }

  get(name: string): Uint8Array<ArrayBuffer> | null | undefined {
    return this.#pairs.findLast(([each]) => each === name)?.[1]
  }

  getAll(name: string): readonly (Uint8Array<ArrayBuffer> | null)[] {
    return this.#pairs.filter(([each]) => each === name).map(([, value]) => value)
  }

  toJSON(): object {
    return this.#pairs
  }

  [Symbol.iterator](): Iterator<readonly [string, Uint8Array<ArrayBuffer> | null]> {
    return this.#pairs[Symbol.iterator]()
  }
}

showAs(Headers, (headers) => headers.toJSON())
