import { LogError } from './errors.ts'

/** Kafka's rule; it also keeps a name inside its directory. */
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/

/** Where `ingest` keeps how far each source has come: one record a transaction, by the source's name. */
export const POSITIONS_TOPIC = '__oncelog_positions'

export function assertTopicName(name: string): void {
  if (typeof name === 'string' && TOPIC_NAME.test(name) && name !== '.' && name !== '..') return
  // Plain JavaScript may pass anything, and not everything has a text form.
  const topic = typeof name === 'string' ? name.slice(0, 260) : undefined
  const what = topic === undefined ? `a value of type ${typeof name}` : `"${topic}"`
  throw new LogError('INVALID_TOPIC_EXCEPTION', `${what} is no topic name`, { topic })
}

/**
 * The log's own topics: programs may read them, and only the log writes, creates and deletes them. Differs from Kafka:
 * there other names may start with two underscores too.
 */
function isInternalTopicName(name: string): boolean {
  return name.startsWith('__')
}

/** For topics that a program creates, changes or writes to: INVALID_TOPIC_EXCEPTION for the log's own. */
export function assertUserTopicName(name: string): void {
  assertTopicName(name)
  assertNotInternal(name)
}

/** As `assertUserTopicName`, for the name of a topic that exists, and so is one. */
export function assertNotInternal(name: string): void {
  if (!isInternalTopicName(name)) return
  throw new LogError('INVALID_TOPIC_EXCEPTION', `"${name}": names that start with __ are the log's own`, {
    topic: name,
  })
}
