import { LogError } from '../../model/errors.ts'

/**
 * What the two processes say to each other.
 *   request   int32 call (0: no answer wanted), text method, int32 session, arguments
 *   answer    int32 call, uint8 0, int32 version of the topics, result   or   int32 call, uint8 1, int32 version, error
 *   notice    int32 0, int32 session: the group wants this member to join again
 *             int32 0, int32 0, text code, text message: a warning of the log, for whoever runs a program on it
 * A link numbers its calls in the order of their requests, from 1, and again from 1 after 2^31 - 1. The first request
 * on a channel is `hello`: int32 PROTOCOL_VERSION, which reads the same in every version, text name of the link, int32
 * how many channels it has had.
 */
export const PROTOCOL_VERSION = 12

/** A message begins with the number of its call. */
export const CALL_BYTES = 4

/**
 * Most bytes of one message. A damaged length can ask for no more, and a larger message is refused before it is sent.
 */
export const MESSAGE_BYTES_MAX: number = 256 * 1024 * 1024
/**
 * Most bytes of one fetch, however many were asked for. Even with one batch more, and records that decompress, it stays
 * far below MESSAGE_BYTES_MAX.
 */
export const FETCH_BYTES_MAX: number = 8 * 1024 * 1024

/**
 * While more than this waits for a process to read it, each further fetch of that process brings one batch: else, with
 * all that its readers ask for, a stopped or slow process would fill the holder's memory.
 */
export const UNSENT_BYTES_MAX: number = 2 * FETCH_BYTES_MAX

export const ANSWER_OK = 0
export const ANSWER_ERROR = 1

/** Calls of AdminSession that take and give plain data. */
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
  'unread',
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

export function assertMessageFits(what: string, sizeBytes: number): void {
  if (sizeBytes <= MESSAGE_BYTES_MAX) return
  const message = `${what} takes ${sizeBytes} bytes, a message between two processes at most ${MESSAGE_BYTES_MAX}`
  throw new LogError('MESSAGE_TOO_LARGE', message, { call: what, sizeBytes, messageBytesMax: MESSAGE_BYTES_MAX })
}

/** The number of its call is all that came of a message: see IncomingMemory. */
export function noMemory(what: string): LogError {
  return new LogError('MEMORY_CAP_REACHED', `the process that it was sent to has no memory for ${what}`)
}
