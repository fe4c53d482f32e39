import { LogError } from '../../model/errors.ts'

/** Calls that change nothing. */
const LOOKS = [
  'fetch',
  'describeTopic',
  'listTopics',
  'offsets',
  'offsetsForTimestamp',
  'unread',
  'listGroups',
  'describeGroup',
  'listShareGroups',
  'listTransactions',
  'describeProducers',
] as const

/** Calls that may be repeated: they are asked again if their answer was lost with a channel. */
export const REPEATABLE: ReadonlySet<string> = new Set([
  'openProducer',
  // A batch is written once for its producer id, epoch and sequence (durability rule 8).
  'append',
  // A new producer of the id fences the one whose answer was lost; the recorded decision answers an end (rule 9).
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

/** Calls of group members: another holder doesn't know the member, and the one that lost the channel put it out. */
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

/** Calls that leave the log as it is: if no holder follows, there is nothing unknown about their outcome. */
export const UNCHANGING: ReadonlySet<string> = new Set([
  ...LOOKS,
  'hello',
  'wake',
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

/**
 * Whether a call is asked of the next holder when a channel ends: one that may be repeated, and one that was never sent,
 * as it was asked while there was no holder.
 */
export function isAskedAgain(method: string, wasSent: boolean): boolean {
  return REPEATABLE.has(method) || !(wasSent || MEMBERSHIP.has(method) || UNCHANGING.has(method))
}

/** What a call rejects with if its channel ended and it isn't asked again. */
export function lostCall(method: string): LogError {
  return MEMBERSHIP.has(method) ? memberGone() : unknownOutcome(method)
}

/** The member came with a channel that has ended. */
export function memberGone(): LogError {
  return new LogError('UNKNOWN_MEMBER_ID', 'the process that held the log is gone')
}

/** `cause`: why no other holder can be asked, or why this one can't be any more. */
export function unknownOutcome(method: string, cause?: LogError): LogError {
  const isClosed = LogError.is(cause, 'LOG_CLOSED')
  const what = isClosed ? 'the log was closed before its holder answered' : 'the holder of the log went away'
  const message = `${what}: whether ${method} was done is unknown`
  return new LogError('NETWORK_EXCEPTION', message, { call: method }, cause)
}
