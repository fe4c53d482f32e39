import { LogError } from '../model/errors.ts'
import type { TopicPartition } from '../model/positions.ts'

/** UNKNOWN_TOPIC_ID for a topic that was deleted and created again: what names the old one means other records. */
export function assertSameTopic(
  { topic, partition, topicId }: TopicPartition & { readonly topicId?: string | undefined },
  now: { readonly topicId: string },
): void {
  if (topicId === undefined || topicId === now.topicId) return
  const message = `topic "${topic}" was deleted and made again: its records are others`
  throw new LogError('UNKNOWN_TOPIC_ID', message, { topic, partition, topicId })
}
