import { LogError } from '../../model/errors.ts'

/** Calls that only look. */
const LOOKS = [
  'fetch',
  'describeTopic',
  'listTopics',
  'offsets',
  'offsetsForTimestamp',
  'listGroups',
  'describeGroup',
  'listShareGroups',
  'listTransactions',
  'describeProducers',
] as const

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
  ...LOOKS,
  'alterConfig',
  'deleteRecords',
  'setOffsets',
  'startShareGroup',
])

/** Calls of a group member: another holder doesn't know it, and the one that lost the channel put it out. */
const MEMBERSHIP: ReadonlySet<string> = new Set([
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

/** Calls that leave the log as it is: when there will be no holder any more, nothing about it is unknown. */
export const UNCHANGING: ReadonlySet<string> = new Set([
  ...LOOKS,
  'hello',
  'openProducer',
  'beginTransaction',
  'poll',
  'openConsumer',
  'join',
  'sync',
  'committed',
  'openShare',
  'acquire',
  'close',
  'backup',
])

/** What a call rejects with whose channel ended and that isn't asked again. */
export function lostCall(method: string): LogError {
  if (MEMBERSHIP.has(method)) return new LogError('UNKNOWN_MEMBER_ID', 'the process that held the log is gone')
  return unknownOutcome(method)
}

/** `cause`: why no other holder can be asked, or this one no more. */
export function unknownOutcome(method: string, cause?: LogError): LogError {
  const isClosed = LogError.is(cause, 'LOG_CLOSED')
  const what = isClosed ? 'the log was closed before its holder answered' : 'the holder of the log went away'
  const message = `${what}: whether ${method} was done is unknown`
  return new LogError('NETWORK_EXCEPTION', message, { call: method }, cause)
}
