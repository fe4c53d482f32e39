import type { Awaitable } from './file-store.ts'

/**
 * Whether an answer is still to come. Not by its class alone: a driver may answer with a promise of a library, or of
 * another realm, as Node's are where a test under Jest hands in the driver. Taken for the answer itself, a flush would
 * count as done too early. Such a promise may have `then` alone, and that may return nothing: wrap it with
 * `Promise.resolve` before going on with it.
 */
export function isPromise<T>(answer: Awaitable<T>): answer is Promise<T> {
  if (answer instanceof Promise) return true
  return typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function'
}
