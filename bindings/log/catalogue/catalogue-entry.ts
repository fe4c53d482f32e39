import type { TopicConfig } from '../../model/topic-config.ts'

/** One change of the catalogue. Each entry holds the whole state after it, so a reader needs no arithmetic. */
export type CatalogueEntry =
  | {
      readonly kind: 'topic-created'
      readonly topicId: string
      readonly name: string
      readonly partitions: number
      readonly config: TopicConfig
    }
  /** Name and partition count stand here too, so that the delete alone tells which directories are dead. */
  | { readonly kind: 'topic-deleted'; readonly topicId: string; readonly name: string; readonly partitions: number }
  | { readonly kind: 'partitions-added'; readonly topicId: string; readonly partitions: number }
  | { readonly kind: 'config-changed'; readonly topicId: string; readonly config: TopicConfig }
  | {
      readonly kind: 'log-start-moved'
      readonly topicId: string
      readonly partition: number
      readonly logStartOffset: number
    }
