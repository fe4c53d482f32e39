import type { TopicFacts } from '../../broker/topic-facts.ts'
import { assertUserTopicName } from '../../model/names.ts'
import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { TopicCompression } from '../../model/topic-config-keys.ts'

/** What a producer needs to know of a topic's config. */
export interface TopicRules {
  readonly partitions: number
  readonly maxMessageBytes: number
  readonly segmentBytes: number
  readonly compressionType: TopicCompression
}

/** Parses each config once, because every send asks for it. */
export class TopicRulesCache {
  readonly #known = new Map<string, { readonly config: TopicConfig; readonly rules: TopicRules }>()

  /** INVALID_TOPIC_EXCEPTION for the log's own topics. */
  of({ topic, partitions, config }: TopicFacts): TopicRules {
    const known = this.#known.get(topic)
    if (known !== undefined && known.config === config && known.rules.partitions === partitions) return known.rules
    assertUserTopicName(topic)
    const { maxMessageBytes, segmentBytes, compressionType } = parseTopicConfig(config)
    const rules = { partitions, maxMessageBytes, segmentBytes, compressionType }
    this.#known.set(topic, { config, rules })
    return rules
  }

  forget(topic: string): void {
    this.#known.delete(topic)
  }
}
