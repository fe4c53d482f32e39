import { LogError } from '../../model/errors.ts'
import { TRANSACTION_TIMEOUT_MS_MAX } from '../../model/limits.ts'

export interface InitRequest {
  readonly transactionalId: string
  readonly timeoutMs: number
  /** Needed if `initNeedsProducerId` says so. */
  readonly newProducerId: number | undefined
  readonly now: number
}

/** Bytes that a string field of Kafka's records can hold. */
const ID_BYTES_MAX = 32_767

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Text with half a surrogate pair would come back as other text, and two producers would share an id. */
function isStorable(transactionalId: unknown): boolean {
  if (typeof transactionalId !== 'string' || transactionalId === '') return false
  const bytes = encoder.encode(transactionalId)
  return bytes.length <= ID_BYTES_MAX && decoder.decode(bytes) === transactionalId
}

export function assertInit({ transactionalId, timeoutMs }: Pick<InitRequest, 'transactionalId' | 'timeoutMs'>): void {
  if (!isStorable(transactionalId)) {
    const message = `a transactional id is well-formed text of 1 to ${ID_BYTES_MAX} bytes`
    throw new LogError('INVALID_REQUEST', message, { option: 'transactionalId' })
  }
  if (Number.isSafeInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= TRANSACTION_TIMEOUT_MS_MAX) return
  const message = `the timeout of a transaction is 1 to ${TRANSACTION_TIMEOUT_MS_MAX} whole milliseconds`
  throw new LogError('INVALID_TRANSACTION_TIMEOUT', message, { option: 'transactionTimeoutMs', timeoutMs })
}
