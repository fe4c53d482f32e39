import { LogError } from '../model/errors.ts'

/**
 * Whether the device couldn't read what stands there, as where a sector went bad: nothing was changed, and other places
 * may be read.
 */
export function isReadFailure(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && error.details['operation'] === 'read'
}
