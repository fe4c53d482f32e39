import { LogError } from '../../../model/errors.ts'
import type { PartitionIdentity } from '../../partition-identity.ts'

/** Rows have no file: errors name the partition in its place. */
export function placeOf(id: PartitionIdentity): string {
  return `${id.topic}-${id.partition}`
}

export function failure(id: PartitionIdentity, operation: string, why: string): LogError {
  return new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${id.topic}-${id.partition}: ${why}`, {
    file: placeOf(id),
    topic: id.topic,
    partition: id.partition,
    operation,
  })
}
