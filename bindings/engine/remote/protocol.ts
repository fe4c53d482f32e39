/**
 * What the two processes say to each other.
 *   request   int32 call (0: no answer wanted), text method, int32 session, arguments
 *   answer    int32 call, uint8 0, int32 version of the topics, result   or   int32 call, uint8 1, int32 version, error
 *   notice    int32 0, int32 session: the group wants this member to join again
 * The first request is `hello` with PROTOCOL_VERSION; it reads the same in every version.
 */
export const PROTOCOL_VERSION = 1

export const ANSWER_OK = 0
export const ANSWER_ERROR = 1

/** Calls whose repetition does no harm: asked again when their answer got lost with a channel. */
export const REPEATABLE: ReadonlySet<string> = new Set([
  'openProducer',
  // By producer id, epoch and sequence it is written once (durability rule 8).
  'append',
  // The next instance fences the one whose answer was lost; an end is answered by the recorded decision (rule 9).
  'openTransactionalProducer',
  'beginTransaction',
  'appendInTransaction',
  'endTransaction',
  'fetch',
  'describeTopic',
  'listTopics',
  'offsets',
  'offsetsForTimestamp',
  'listGroups',
  'describeGroup',
  'listTransactions',
  'describeProducers',
  'alterConfig',
  'setOffsets',
])

/** Calls of a group member: another holder doesn't know it, and the one that lost the channel put it out. */
export const MEMBERSHIP: ReadonlySet<string> = new Set([
  'openConsumer',
  'join',
  'sync',
  'commit',
  'committed',
  'poll',
  'sendOffsets',
  'openShare',
  'acquire',
  'acknowledge',
])

/** Of AdminSession; each takes and gives plain data. */
export const ADMIN_CALLS = [
  'createTopic',
  'deleteTopic',
  'listTopics',
  'describeTopic',
  'createPartitions',
  'alterConfig',
  'offsets',
  'offsetsForTimestamp',
  'listGroups',
  'setOffsets',
  'deleteGroup',
  'describeGroup',
  'listTransactions',
  'describeProducers',
  'abortTransaction',
  'fenceProducer',
] as const
