import { LogError } from '../model/errors.ts'

/** Operations that change nothing: after a failure they may be tried again. */
const HARMLESS: readonly unknown[] = ['open', 'read', 'list']

/**
 * Whether the log must end: a write, a flush or a sync failed, so that nobody knows what the device holds (durability
 * rule 10), or the kernel has trapped.
 */
export function isFinal(error: unknown): boolean {
  if (LogError.is(error, 'KERNEL_POISONED')) return true
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && !HARMLESS.includes(error.details['operation'])
}
