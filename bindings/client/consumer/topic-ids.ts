import type { ConsumerSession, GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { existingTopic } from './existing-topic.ts'
import type { InterruptibleWaits } from './interruptible-waits.ts'

/**
 * Returns the ids of the topics that a member is given, and of those that it reads and is given nothing more of;
 * `undefined` for a topic that is gone.
 */
export async function topicIdsOf(
  session: ConsumerSession,
  waits: InterruptibleWaits,
  held: readonly TopicPartition[],
  next: readonly GivenPartition[],
): Promise<ReadonlyMap<string, string | undefined>> {
  const topicIds = new Map(next.map(({ topic, topicId }) => [topic, topicId]))
  for (const { topic } of held) {
    if (!topicIds.has(topic)) topicIds.set(topic, (await waits.for(existingTopic(session, topic)))?.topicId)
  }
  return topicIds
}
