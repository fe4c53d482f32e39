import { LogError } from '../model/errors.ts'

/** Operations that change nothing: one that failed may be tried again. */
const HARMLESS: readonly unknown[] = ['open', 'read', 'list']

/**
 * Whether nobody knows any more what the device holds, because a write, a flush or a sync failed (durability rule 10), or
 * the kernel is gone.
 */
export function isFinal(error: unknown): boolean {
  if (LogError.is(error, 'KERNEL_POISONED')) return true
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && !HARMLESS.includes(error.details['operation'])
}
