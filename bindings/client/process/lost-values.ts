import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'

/**
 * From a topic with that config the last values of keys go by their age or size alone. With `compact,delete` a value
 * that nobody renews ends, which somebody asked for; a topic that says nothing keeps none for ever.
 */
export function losesValues(config: TopicConfig): boolean {
  const { cleanupPolicy, retentionMs, retentionBytes } = parseTopicConfig(config)
  return cleanupPolicy === 'delete' && (retentionMs !== -1 || retentionBytes !== -1)
}
