import type { TopicConfig } from '../model/topic-config.ts'

/** A topic as its catalogue has it. */
export interface TopicFacts {
  readonly topic: string
  readonly topicId: string
  /** How many. */
  readonly partitions: number
  readonly config: TopicConfig
}
