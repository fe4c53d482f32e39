import { LogError } from '../../model/errors.ts'
import { PARTITIONS_MAX } from '../../model/limits.ts'
import { assertUserTopicName } from '../../model/names.ts'
import { checkTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import { isByteArray } from '../../model/view-length.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import type { ProducerRecord, RecordInput } from '../producer-record.ts'
import { fieldSlip } from '../record-fields.ts'
import { type Codec, string } from './codec.ts'

/**
 * A topic's name, codecs and, for its creation, partitions and config. It belongs to no log: declare it once and use it
 * anywhere.
 */
export interface Topic<Name extends string = string, KIn = never, KOut = unknown, VIn = never, VOut = unknown> {
  /** The topic's name in the log. */
  readonly name: Name
  /** How many partitions `open(…, { topics })` creates; `undefined` creates one. */
  readonly partitions: number | undefined
  /** The config with which `open(…, { topics })` creates it: Kafka's keys, see TopicConfig. */
  readonly config: TopicConfig | undefined
  /** The codec of keys; text by default. */
  readonly key: Codec<KIn, KOut>
  /** The codec of values. */
  readonly value: Codec<VIn, VOut>
  /**
   * Encodes a record to hand to `send`. A key or value of null stays null. Records of text and JSON share buffers, so
   * transfer none to a thread. Throws before anything is written: RECORD_SERIALIZATION or SCHEMA_ASYNC by a codec,
   * INVALID_REQUEST for an input that isn't an object or has a field with a misspelled name.
   */
  record(input: RecordInput<KIn, VIn>): ProducerRecord
}

/** Names a topic: a declared one, or the name alone, and then keys and values are bytes. */
export type TopicRef = string | Topic

type Shape = Parameters<typeof topic>[1]

const NAMES: OptionNames<Shape> = { key: true, value: true, partitions: true, config: true }

/**
 * Declares a typed topic; keys are text by default. Throws INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG
 * or INVALID_REQUEST for a topic that no log would create.
 */
export function topic<const Name extends string, VIn, VOut, KIn = string, KOut = KIn>(
  name: Name,
  shape: {
    /** The codec of keys: `string`, which is text, by default; `bytes`, `json()` or one of your own. */
    key?: Codec<KIn, KOut> | undefined
    /** The codec of values: `json()`, `json(schema)`, `string`, `bytes`, `msgpack()` or one of your own. */
    value: Codec<VIn, VOut>
    /**
     * How many partitions `open(…, { topics })` creates; 1 by default. Equal keys go to one and stay in order there.
     */
    partitions?: number | undefined
    /** The config with which `open(…, { topics })` creates it, such as `{ 'retention.ms': -1 }`: Kafka's keys. */
    config?: TopicConfig | undefined
  },
): Topic<Name, KIn, KOut, VIn, VOut> {
  assertUserTopicName(name)
  assertOptions<Shape>(shape as Shape, NAMES, `topic "${name}"`)
  const { value, partitions, config } = shape
  const key = shape.key ?? (string as unknown as Codec<KIn, KOut>)
  if (!isCodec(key)) throw wrong(name, 'key', A_CODEC)
  if (!isCodec(value)) throw wrong(name, 'value', A_CODEC)
  if (partitions !== undefined && !isPartitionCount(partitions)) {
    const message = `topic "${name}" needs a whole number of partitions from 1 to ${PARTITIONS_MAX}`
    throw new LogError('INVALID_PARTITIONS', message, { topic: name })
  }
  if (config !== undefined) checkTopicConfig(config)
  return Object.freeze({
    name,
    key,
    value,
    partitions,
    config: config && Object.freeze({ ...config }),
    record(input: RecordInput<KIn, VIn>): ProducerRecord {
      if (typeof input !== 'object' || input === null)
        throw wrong(name, 'input', 'an object with a value: record({ key, value })')
      assertInputFields(name, input)
      const { partition, timestamp, headers } = input
      return {
        topic: name,
        key: input.key === null || input.key === undefined ? null : encode(name, 'key', key, input.key),
        value: input.value === null ? null : encode(name, 'value', value, input.value),
        partition,
        timestamp,
        headers,
      }
    },
  })
}

function assertInputFields(topic: string, input: object): void {
  const slip = fieldSlip(input)
  if (slip === undefined) return
  const { field, meant } = slip
  const message = `a record for "${topic}" has a field ${JSON.stringify(field)}: did you mean ${meant}?`
  throw new LogError('INVALID_REQUEST', message, { topic, argument: 'input', field, nearest: [meant] })
}

const A_CODEC = 'a codec: json(), string, bytes or one of your own'

function isPartitionCount(partitions: number): boolean {
  return Number.isSafeInteger(partitions) && partitions > 0 && partitions <= PARTITIONS_MAX
}

function isCodec(codec: unknown): boolean {
  const { encode, decode } = (codec ?? {}) as Partial<Codec<unknown>>
  return typeof encode === 'function' && typeof decode === 'function'
}

function wrong(name: string, argument: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${argument} of topic "${name}" must be ${expected}`, {
    topic: name,
    argument,
  })
}

function encode<In>(name: string, part: 'key' | 'value', codec: Codec<In, unknown>, input: In): Uint8Array {
  try {
    const encoded = codec.encode(input)
    if (encoded instanceof Uint8Array || isByteArray(encoded)) return encoded
    throw new LogError('RECORD_SERIALIZATION', 'its codec gave no Uint8Array')
  } catch (error) {
    if (LogError.is(error, 'SCHEMA_ASYNC')) throw error
    const why = LogError.is(error)
      ? `: ${error.message}`
      : isTooDeep(error)
        ? ': it is nested too deeply or in a circle'
        : ''
    const details = { topic: name, part, ...(LogError.is(error) ? error.details : {}) }
    throw new LogError(
      'RECORD_SERIALIZATION',
      `the ${part} of a record for "${name}" can't be encoded${why}`,
      details,
      error,
    )
  }
}

function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && /call stack/.test(error.message)
}

/** One that `topic` declared, in this copy of the package or in another. */
export function isDeclared(ref: unknown): ref is Topic {
  if (typeof ref !== 'object' || ref === null) return false
  const { name, key, value, record } = ref as Partial<Topic>
  return typeof name === 'string' && isCodec(key) && isCodec(value) && typeof record === 'function'
}

export const HOW_TO_DECLARE = "topic('name', { value: json() }) declares one"

export function topicName(ref: TopicRef): string {
  return typeof ref === 'string' ? ref : ref.name
}
