import type { TopicFacts } from '../../broker/topic-facts.ts'
import { assertUserTopicName } from '../../model/names.ts'
import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { TopicCompression } from '../../model/topic-config-keys.ts'

/** What a producer needs to know of a topic. */
export interface TopicRules {
  readonly partitions: number
  readonly maxMessageBytes: number
  readonly segmentBytes: number
  readonly compressionType: TopicCompression
}

interface KnownTopic {
  readonly topicId: string
  readonly config: TopicConfig
  readonly rules: TopicRules
}

/** Parsed configs of topics: each is parsed once, because every send needs it. */
export class TopicRulesCache {
  readonly #known = new Map<string, KnownTopic>()
  readonly #madeAgain: (topic: string) => void

  /** `madeAgain` is called when another topic has the name than when it was asked for last. */
  constructor(madeAgain: (topic: string) => void) {
    this.#madeAgain = madeAgain
  }

  /** Returns the topic's rules. Throws INVALID_TOPIC_EXCEPTION for the log's own topics. */
  of({ topic, topicId, partitions, config }: TopicFacts): TopicRules {
    const known = this.#known.get(topic)
    if (known !== undefined && isAsKnown(known, topicId, partitions, config)) return known.rules
    assertUserTopicName(topic)
    const { maxMessageBytes, segmentBytes, compressionType } = parseTopicConfig(config)
    const rules = { partitions, maxMessageBytes, segmentBytes, compressionType }
    this.#known.set(topic, { topicId, config, rules })
    if (known !== undefined && known.topicId !== topicId) this.#madeAgain(topic)
    return rules
  }

  /** The id of the topic that had the name when it was asked for last. */
  idOf(topic: string): string | undefined {
    return this.#known.get(topic)?.topicId
  }

  forget(topic: string): void {
    this.#known.delete(topic)
  }
}

function isAsKnown(known: KnownTopic, topicId: string, partitions: number, config: TopicConfig): boolean {
  return known.config === config && known.rules.partitions === partitions && known.topicId === topicId
}
