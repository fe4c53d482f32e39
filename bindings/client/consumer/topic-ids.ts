import type { ConsumerSession, GivenPartition } from '../../broker/consumer-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
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
    if (!topicIds.has(topic)) topicIds.set(topic, await topicIdOf(session, waits, topic))
  }
  return topicIds
}

async function topicIdOf(
  session: ConsumerSession,
  waits: InterruptibleWaits,
  topic: string,
): Promise<string | undefined> {
  try {
    return (await waits.for(session.topic(topic))).topicId
  } catch (error) {
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined
    throw error
  }
}
