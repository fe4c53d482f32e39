import type { AdminSession } from '../../broker/admin-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { parseTopicConfig } from '../../model/topic-config.ts'
import { HOW_TO_DECLARE, isDeclared, type Topic } from '../topic/topic.ts'

/**
 * Creates what is missing, leaves what exists. INVALID_CONFIG where an existing topic differs from its declaration,
 * before anything is created. A declared default is the same as none.
 */
export async function ensureTopics(session: AdminSession, topics: readonly Topic[]): Promise<void> {
  if (!Array.isArray(topics) || !topics.every(isDeclared)) {
    const message = `topics must be a list of declared topics: ${HOW_TO_DECLARE}`
    throw new LogError('INVALID_REQUEST', message, { option: 'topics' })
  }
  const existing = new Set(await session.listTopics({ internal: false }))
  const missing = new Map<string, Topic>()
  for (const topic of topics) {
    const before = missing.get(topic.name)
    if (before !== undefined)
      assertSame(topic, { partitions: before.partitions ?? 1, config: before.config ?? {} }, DECLARED_TWICE)
    else if (existing.has(topic.name)) assertSame(topic, await session.describeTopic(topic.name))
    else missing.set(topic.name, topic)
  }
  for (const { name, partitions, config } of missing.values()) {
    try {
      await session.createTopic(name, { partitions: partitions ?? 1, config: config ?? {} })
    } catch (error) {
      // Another process may have created it first, or the holder may have gone away before it answered: what exists now
      // decides.
      if (!LogError.is(error, 'TOPIC_ALREADY_EXISTS', 'NETWORK_EXCEPTION')) throw error
      return ensureTopics(session, topics)
    }
  }
}

type Existing = Pick<TopicFacts, 'partitions' | 'config'>

/** `words`: what the error says of the other topic, and what to do. */
function assertSame({ name, partitions, config = {} }: Topic, existing: Existing, words: Words = STORED): void {
  const differs = (key: string, there: unknown, declared: unknown): LogError => {
    const [has, way] = words
    const message = `topic "${name}" ${has} ${key} ${there}, its declaration ${declared}: ${way}`
    return new LogError('INVALID_CONFIG', message, { topic: name, key, existing: there, declared })
  }
  if (partitions !== undefined && partitions !== existing.partitions) {
    throw differs('partitions', existing.partitions, partitions)
  }
  const now = parseTopicConfig(existing.config)
  for (const [key, value] of Object.entries(config)) {
    const declared = parseTopicConfig({ ...existing.config, [key]: value })
    if (JSON.stringify(declared) === JSON.stringify(now)) continue
    throw differs(key, existing.config[key] ?? 'by default', value)
  }
}

type Words = readonly [has: string, way: string]

/** A declaration never changes an existing topic: another program may rely on its partitions and config. */
const STORED: Words = ['has', 'admin.alterConfig and createPartitions change the topic, or mend the declaration']
const DECLARED_TWICE: Words = ['is declared twice, once with', 'make them one']
