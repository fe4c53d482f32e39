import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'

/**
 * Whether a topic with that config removes the last value of a key for its age or for size alone. `delete` does, which is
 * the default, after a week. With `compact,delete` values that nobody renews go too, but whoever set that asked for it.
 */
export function losesValues(config: TopicConfig): boolean {
  const { cleanupPolicy, retentionMs, retentionBytes } = parseTopicConfig(config)
  return cleanupPolicy === 'delete' && (retentionMs !== -1 || retentionBytes !== -1)
}
