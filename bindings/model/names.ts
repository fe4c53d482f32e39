import { LogError } from './errors.ts'

/** Kafka's rule; it also keeps a name inside its directory. */
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/

export function assertTopicName(name: string): void {
  if (typeof name === 'string' && TOPIC_NAME.test(name) && name !== '.' && name !== '..') return
  throw new LogError('INVALID_TOPIC_EXCEPTION', `"${String(name).slice(0, 260)}" is no topic name`, {})
}
