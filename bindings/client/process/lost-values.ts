import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'

/**
 * Whether a topic with that config removes the last value of a key by age or size alone. `delete`, the default, does so
 * after a week. `compact,delete` removes values that nobody renews too, but a program that sets it asks for that.
 */
export function losesValues(config: TopicConfig): boolean {
  const { cleanupPolicy, retentionMs, retentionBytes } = parseTopicConfig(config)
  return cleanupPolicy === 'delete' && (retentionMs !== -1 || retentionBytes !== -1)
}
