import type { TopicConfig } from '../../../bindings/model/topic-config.ts'

export const PARTITIONS = 2
/** Of each process in the compacted topic. */
export const KEYS = 8

interface Shape {
  readonly partitions: number
  readonly config: TopicConfig
}

/** Whatever the clock says, nothing goes and nothing is refused by its time. */
const BY_ANY_CLOCK: TopicConfig = { 'retention.ms': -1, 'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER }
const SEGMENT: TopicConfig = { ...BY_ANY_CLOCK, 'segment.bytes': 24_000 }

/** Something to throw out where there is no room. */
export const BALLAST = 'ballast'

export const TOPICS: Readonly<Record<string, Shape>> = {
  plain: { partitions: PARTITIONS, config: SEGMENT },
  relaxed: { partitions: PARTITIONS, config: SEGMENT },
  both: { partitions: PARTITIONS, config: SEGMENT },
  copied: { partitions: PARTITIONS, config: SEGMENT },
  counts: { partitions: PARTITIONS, config: SEGMENT },
  latest: {
    partitions: 1,
    config: { ...BY_ANY_CLOCK, 'cleanup.policy': 'compact', 'segment.bytes': 4000, 'min.cleanable.dirty.ratio': 0.01 },
  },
}
