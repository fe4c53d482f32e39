import type { ReaderSession } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { assertUserTopicName } from '../../model/names.ts'
import { type ParsedTopicConfig, parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import { assertPartition } from '../producer/partitioner.ts'
import { refuseTooLarge } from '../producer/place-records.ts'
import { type CheckedRecord, checkRecord, topicOf } from '../producer/validate-record.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { copyOf } from '../record-fields.ts'

/** What a record gave or set can't be written. */
export class OutputRefused {
  readonly error: unknown
  /** Else its topic isn't there, which is no fault of one record. */
  readonly isOfRecord: boolean

  constructor(error: unknown, isOfRecord: boolean) {
    this.error = error
    this.isOfRecord = isOfRecord
  }
}

/**
 * Looks at what a record gave while it is known which record that was. Refused in the send of the whole batch, it would
 * take the others along, and again whenever they come again. Of a log that can't be asked while its holder changes the
 * send tells.
 */
export class OutputCheck {
  /** Knows topics without a question as long as none changed. */
  readonly #topics: Pick<ReaderSession, 'topic'>
  readonly #now: () => number
  readonly #configs: WeakMap<TopicConfig, ParsedTopicConfig> = new WeakMap()

  constructor(topics: Pick<ReaderSession, 'topic'>, now: () => number) {
    this.#topics = topics
    this.#now = now
  }

  /**
   * Copies of the records, as the program may use its objects and lists again; OutputRefused for one that the send
   * would refuse. A promise only where it has to ask.
   */
  check(records: readonly ProducerRecord[]): readonly ProducerRecord[] | Promise<readonly ProducerRecord[]> {
    return this.#goOn(records, [])
  }

  #goOn(
    records: readonly ProducerRecord[],
    copies: ProducerRecord[],
  ): readonly ProducerRecord[] | Promise<readonly ProducerRecord[]> {
    while (copies.length < records.length) {
      const facts = this.#facts(records, copies.length)
      if (facts instanceof Promise) {
        return facts.then((asked) => {
          copies.push(this.#checked(records, copies.length, asked))
          return this.#goOn(records, copies)
        })
      }
      copies.push(this.#checked(records, copies.length, facts))
    }
    return copies
  }

  #facts(records: readonly ProducerRecord[], index: number): TopicFacts | undefined | Promise<TopicFacts | undefined> {
    const topic = ofRecord(() => topicOf(records[index], index))
    try {
      const facts = this.#topics.topic(topic, records[index]?.partition)
      return facts instanceof Promise ? facts.catch(unknown) : facts
    } catch (error) {
      return unknown(error)
    }
  }

  #checked(records: readonly ProducerRecord[], index: number, facts: TopicFacts | undefined): ProducerRecord {
    const record = records[index] as ProducerRecord
    return ofRecord(() => {
      const checked = checkRecord(record, index)
      if (facts !== undefined) this.#refuse(record, checked, index, facts)
      return copyOf(record, checked.headers)
    })
  }

  /** As partitioner, producer and partition would. */
  #refuse(record: ProducerRecord, checked: CheckedRecord, index: number, { topic, partitions, config }: TopicFacts) {
    assertUserTopicName(topic)
    const parsed = this.#parsed(config)
    refuseTooLarge(checked, index, topic, parsed)
    if (record.partition !== undefined) assertPartition(topic, record.partition, partitions)
    if (checked.key === null && parsed.cleanupPolicy.includes('compact')) {
      const message = `record ${index} has no key, and topic "${topic}" is compacted by key`
      throw new LogError('INVALID_RECORD', message, { topic, index })
    }
    const { timestamp } = checked
    if (timestamp === undefined || parsed.messageTimestampType === 'LogAppendTime') return
    const earliest = this.#now() - parsed.messageTimestampBeforeMaxMs
    const latest = this.#now() + parsed.messageTimestampAfterMaxMs
    if (timestamp >= earliest && timestamp <= latest) return
    const message = `timestamp ${timestamp} of record ${index} is outside ${earliest} to ${latest}, the limits of topic "${topic}"`
    throw new LogError('INVALID_TIMESTAMP', message, { topic, index, timestamp, earliest, latest })
  }

  #parsed(config: TopicConfig): ParsedTopicConfig {
    let parsed = this.#configs.get(config)
    if (parsed === undefined) {
      parsed = parseTopicConfig(config)
      this.#configs.set(config, parsed)
    }
    return parsed
  }
}

function ofRecord<R>(look: () => R): R {
  try {
    return look()
  } catch (error) {
    throw new OutputRefused(error, true)
  }
}

function unknown(error: unknown): undefined {
  if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw new OutputRefused(error, false)
}
