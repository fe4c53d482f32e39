/**
 * What the two processes say to each other.
 *   request   int32 call (0: no answer wanted), text method, int32 session, arguments
 *   answer    int32 call, uint8 0, int32 version of the topics, result   or   int32 call, uint8 1, int32 version, error
 *   notice    int32 0, int32 session: the group wants this member to join again
 *             int32 0, int32 0, text code, text message: a warning of the log, for whoever runs a program on it
 * The first request is `hello` with PROTOCOL_VERSION; it reads the same in every version.
 */
export const PROTOCOL_VERSION = 3

export const ANSWER_OK = 0
export const ANSWER_ERROR = 1

/** Of AdminSession; each takes and gives plain data. */
export const ADMIN_CALLS = [
  'backup',
  'createTopic',
  'deleteTopic',
  'listTopics',
  'describeTopic',
  'createPartitions',
  'alterConfig',
  'deleteRecords',
  'offsets',
  'offsetsForTimestamp',
  'listGroups',
  'setOffsets',
  'deleteGroup',
  'describeGroup',
  'listShareGroups',
  'startShareGroup',
  'deleteShareGroup',
  'listTransactions',
  'describeProducers',
  'abortTransaction',
  'fenceProducer',
] as const
