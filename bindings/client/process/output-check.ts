import type { ReaderSession } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { assertNotInternal } from '../../model/names.ts'
import { type ParsedTopicConfig, parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import { assertPartition } from '../producer/partitioner.ts'
import { refuseTooLarge } from '../producer/place-records.ts'
import { type CheckedRecord, checkRecord } from '../producer/validate-record.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { copyOf } from '../record-fields.ts'

type Topics = Pick<ReaderSession, 'topic' | 'topicNow'>

/** What `handle` gave or set for a record can't be written. */
export class OutputRefused {
  readonly error: unknown
  /** Whether the record is to blame; else the topic isn't there, for any record. */
  readonly isOfRecord: boolean

  constructor(error: unknown, { isOfRecord }: { readonly isOfRecord: boolean }) {
    this.error = error
    this.isOfRecord = isOfRecord
  }
}

/**
 * Checks what `handle` gave while it is still known for which record. If it were refused only when the whole batch is
 * sent, the other records would fail with it, at each redelivery. While the log can't be asked because its holder
 * changes, the check is left to the send.
 */
export class OutputCheck {
  /** Answers from memory as long as no topic has changed. */
  readonly #topics: Topics
  readonly #now: () => number
  readonly #configs: WeakMap<TopicConfig, ParsedTopicConfig> = new WeakMap()

  constructor(topics: Topics, now: () => number) {
    this.#topics = topics
    this.#now = now
  }

  /**
   * Copies of the records, as the program may use its objects and lists again. Throws OutputRefused for a record that
   * the send would refuse. A promise only where the log has to be asked.
   */
  check(records: readonly ProducerRecord[]): readonly ProducerRecord[] | Promise<readonly ProducerRecord[]> {
    return this.#goOn(records, [])
  }

  #goOn(
    records: readonly ProducerRecord[],
    copies: ProducerRecord[],
  ): readonly ProducerRecord[] | Promise<readonly ProducerRecord[]> {
    while (copies.length < records.length) {
      const copy = this.#checked(records, copies.length)
      if (copy instanceof Promise) {
        // What is refused of the rest is told at once.
        copy.catch(() => {})
        // The program may use its list again before the log has answered.
        const rest = records.map((record, index) => (index <= copies.length ? record : copied(record, index).copy))
        return copy.then((checked) => {
          copies.push(checked)
          return this.#goOn(rest, copies)
        })
      }
      copies.push(copy)
    }
    return copies
  }

  #checked(records: readonly ProducerRecord[], index: number): ProducerRecord | Promise<ProducerRecord> {
    const { copy, checked } = copied(records[index] as ProducerRecord, index)
    const facts = this.#facts(copy.topic)
    return facts instanceof Promise
      ? facts.then((asked) => this.#accepted(copy, checked, index, asked))
      : this.#accepted(copy, checked, index, facts)
  }

  #facts(topic: string): TopicFacts | undefined | Promise<TopicFacts | undefined> {
    try {
      const facts = this.#topics.topic(topic)
      return facts instanceof Promise ? facts.catch(unknown) : facts
    } catch (error) {
      return unknown(error)
    }
  }

  #accepted(
    copy: ProducerRecord,
    checked: CheckedRecord,
    index: number,
    facts: TopicFacts | undefined,
  ): ProducerRecord | Promise<ProducerRecord> {
    if (facts === undefined) return copy
    try {
      this.#refuse(copy, checked, index, facts)
      return copy
    } catch (error) {
      const newer = this.#topics.topicNow?.(facts.topic)
      if (newer === undefined) throw new OutputRefused(error, { isOfRecord: true })
      return newer.catch(unknown).then((now) => {
        if (now !== undefined) ofRecord(() => this.#refuse(copy, checked, index, now))
        return copy
      })
    }
  }

  /** Refuses what partitioner, producer or partition would refuse. */
  #refuse(record: ProducerRecord, checked: CheckedRecord, index: number, { topic, partitions, config }: TopicFacts) {
    assertNotInternal(topic)
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

function copied(record: ProducerRecord, index: number): { copy: ProducerRecord; checked: CheckedRecord } {
  return ofRecord(() => {
    const checked = checkRecord(record, index)
    return { copy: copyOf(record, checked.headers), checked }
  })
}

function ofRecord<R>(look: () => R): R {
  try {
    return look()
  } catch (error) {
    throw new OutputRefused(error, { isOfRecord: true })
  }
}

function unknown(error: unknown): undefined {
  if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw new OutputRefused(error, { isOfRecord: false })
}
