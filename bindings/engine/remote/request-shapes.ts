import type { ADMIN_CALLS } from './protocol.ts'
import {
  args,
  fields,
  finite,
  flag,
  isolationLevel,
  listOf,
  oneOf,
  optional,
  place,
  places,
  type Shape,
  text,
  whole,
  wholeOrNone,
} from './shapes.ts'

/** The id of the topic that is meant; older versions send none. */
const topicId = optional(text)

export const PLACES: Shape = listOf(fields({ ...place, topicId }))
export const POSITIONS: Shape = listOf(fields({ ...place, nextOffset: whole, topicId }))

/** The arguments of AdminSession's calls. The values of a config are checked where they are used. */
export const ADMIN_ARGUMENTS: Readonly<Record<(typeof ADMIN_CALLS)[number], Shape>> = {
  backup: args(text),
  createTopic: args(text, fields({ partitions: whole, config: fields({}) })),
  deleteTopic: args(text),
  listTopics: args(fields({ internal: flag })),
  describeTopic: args(text),
  createPartitions: args(text, whole),
  alterConfig: args(text, fields({})),
  deleteRecords: args(listOf(fields({ ...place, beforeOffset: wholeOrNone }))),
  offsets: args(places),
  offsetsForTimestamp: args(places, finite),
  unread: args(listOf(fields({ ...place, nextOffset: whole })), isolationLevel),
  listGroups: args(),
  setOffsets: args(text, POSITIONS),
  deleteGroup: args(text),
  describeGroup: args(text),
  listShareGroups: args(),
  startShareGroup: args(text, POSITIONS),
  deleteShareGroup: args(text),
  listTransactions: args(),
  describeProducers: args(places),
  abortTransaction: args(text),
  fenceProducer: args(text),
}

export const ASSIGNMENTS: Shape = listOf(fields({ memberId: text, partitions: places }))

export const FETCH: Shape = fields({
  positions: POSITIONS,
  changes: optional(fields({ isFull: flag, forgotten: places })),
  isolationLevel,
  maxBytes: whole,
  wait: flag,
  knownPartitions: optional(whole),
})

export const CONSUMER: Shape = fields({
  groupId: text,
  topics: listOf(text),
  assignors: listOf(text),
  maxPollIntervalMs: whole,
})

/** The id of a share group. */
export const SHARE: Shape = text

export const ACQUIRE: Shape = fields({
  topics: listOf(text),
  maxOffsets: whole,
  lockMs: finite,
  startAt: oneOf('earliest', 'latest'),
})

export const ACKNOWLEDGE: Shape = fields({
  ...place,
  topicId: text,
  firstOffset: whole,
  lastOffset: whole,
  deliveryCount: whole,
  beginning: whole,
  type: oneOf('accept', 'release', 'reject', 'gap', 'unseen', 'renew'),
  delayMs: finite,
})

/** A timeout is checked where it is used, which is what tells a program of a wrong one. */
export const TRANSACTIONAL: Shape = fields({ transactionalId: text })
