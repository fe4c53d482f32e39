import { LogError } from '../../model/errors.ts'

/** Errors of a shortage of processes, memory or descriptors: taking the lock needs a process and a descriptor. */
const SHORT: readonly unknown[] = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']

/**
 * Whether this process couldn't become the holder for want of something that it or its system lacked at the moment: the
 * log itself is as it was. Where a holder was killed for want of memory, those that are to follow may meet that.
 */
export function isShortage(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && SHORT.includes(error.details['errno'])
}
