import type { Awaitable } from './file-store.ts'

/**
 * Whether an answer is still to come. Not by its class alone: a driver may answer with a promise of a library, or of
 * another realm, as Node's are where a test under Jest hands in the driver. Taken for the answer itself it would be a
 * flush that is done before it is. Such a promise may have `then` alone, and that may return nothing:
 * whoever goes on with it wraps it with `Promise.resolve`.
 */
export function isPromise<T>(answer: Awaitable<T>): answer is Promise<T> {
  if (answer instanceof Promise) return true
  return typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function'
}
