import type { AdminSession } from '../../broker/admin-session.ts'
import { parseTopicConfig } from '../../model/topic-config.ts'
import { refuseTooLarge } from '../producer/place-records.ts'
import { surelyFits } from '../producer/size-bounds.ts'
import type { TopicRules } from '../producer/topic-rules.ts'
import { checkRecord, topicOf } from '../producer/validate-record.ts'
import type { ProducerRecord } from '../producer-record.ts'

type SizeRules = Pick<TopicRules, 'maxMessageBytes' | 'segmentBytes'>

/**
 * Looks at what a record gave while it is known which record that was. Refused in the send of the whole batch, it would
 * take the others along, and again whenever they come again. A topic that isn't there, or a log that can't be asked
 * while its holder changes, is no fault of one record: of that the send tells.
 */
export class OutputCheck {
  readonly #admin: Pick<AdminSession, 'describeTopic'>
  /** As of the last record that seemed too large, or the first. */
  readonly #rules = new Map<string, SizeRules>()

  constructor(admin: Pick<AdminSession, 'describeTopic'>) {
    this.#admin = admin
  }

  /**
   * INVALID_RECORD, MESSAGE_TOO_LARGE or RECORD_LIST_TOO_LARGE, as the send would tell. Answers a promise only where it
   * has to ask.
   */
  check(outputs: readonly ProducerRecord[], from = 0): Promise<void> | undefined {
    for (let index = from; index < outputs.length; index++) {
      const output = outputs[index] as ProducerRecord
      const topic = topicOf(output, index)
      const { sizeBytes } = checkRecord(output, index)
      const rules = this.#rules.get(topic)
      if (rules !== undefined && surelyFits(sizeBytes, Math.min(rules.maxMessageBytes, rules.segmentBytes))) continue
      return this.#ask(topic).then((asked) => {
        if (asked !== undefined) refuseTooLarge(checkRecord(output, index), index, topic, asked)
        return this.check(outputs, index + 1)
      })
    }
    return undefined
  }

  async #ask(topic: string): Promise<SizeRules | undefined> {
    try {
      const { config } = await this.#admin.describeTopic(topic)
      const rules = parseTopicConfig(config)
      this.#rules.set(topic, rules)
      return rules
    } catch {
      return undefined
    }
  }
}
