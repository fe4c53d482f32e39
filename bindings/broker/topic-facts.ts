import type { TopicConfig } from '../model/topic-config.ts'

export interface TopicFacts {
  readonly topic: string
  readonly topicId: string
  readonly partitions: number
  readonly config: TopicConfig
}
