import { LogError } from '../model/errors.ts'

/** A call on a consumer, of a group or of a share group, after its close. */
export function consumerClosed(groupId: string): LogError {
  return new LogError('CONSUMER_CLOSED', closedConsumer(groupId), { groupId })
}

/** The message of it. */
export function closedConsumer(groupId: string): string {
  return `the consumer of group "${groupId}" is closed`
}

/** A call on a producer of a transactional id after its close. */
export function producerClosed(transactionalId: string): LogError {
  const message = `the producer of the transactional id "${transactionalId}" is closed`
  return new LogError('PRODUCER_CLOSED', message, { transactionalId })
}

/** A call inside a transaction after its end. */
export function transactionOver(transactionalId: string): LogError {
  const message = `the transaction of "${transactionalId}" is over`
  return new LogError('INVALID_TXN_STATE', message, { transactionalId })
}
