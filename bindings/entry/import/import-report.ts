import type { LeftOut } from '../../log/import/left-out.ts'
import type { TopicConfig } from '../../model/topic-config.ts'

export interface ImportedTopic {
  readonly topic: string
  readonly topicId: string
  readonly partitions: number
  readonly config: TopicConfig
  /** Keys of the source's config that this log doesn't have. */
  readonly configNotTaken: readonly string[]
}

export interface ImportedPartition {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly nextOffset: number
  /** Without control records. */
  readonly records: number
  readonly batches: number
  readonly sizeBytes: number
}

/** What came of an import. */
export interface ImportReport {
  /** The broker had stopped cleanly. */
  readonly isClean: boolean
  readonly topics: readonly ImportedTopic[]
  readonly partitions: readonly ImportedPartition[]
  /** Groups with imported offsets, and their number. */
  readonly groups: readonly { readonly groupId: string; readonly offsets: number }[]
  readonly leftOut: readonly LeftOut[]
}
