import type { Awaitable } from '../../bindings/storage/file-store.ts'

/** What a store on a virtual disk answered: it answers at once, or the test is wrong. */
export function now<T>(answer: Awaitable<T>): T {
  if (answer instanceof Promise) throw new Error('a promise where none was expected')
  return answer
}
