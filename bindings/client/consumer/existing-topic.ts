import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'

/** What the log tells of a topic; `undefined` for one that doesn't exist, such as one that was deleted. */
export async function existingTopic(session: ConsumerSession, topic: string): Promise<TopicFacts | undefined> {
  try {
    return await session.topic(topic)
  } catch (error) {
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined
    throw error
  }
}
