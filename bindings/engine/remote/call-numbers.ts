const LAST_CALL = 0x7fffffff

/**
 * The number of the next call after `newest`; from 1 again after 2^31 - 1. A fetch that waits keeps its number for as
 * long as nothing comes, and the numbers may have gone all the way round by then: a second call with that number would
 * get its answer.
 */
export function nextCall(newest: number, pending: { has(call: number): boolean }): number {
  let call = newest
  do call = call >= LAST_CALL ? 1 : call + 1
  while (pending.has(call))
  return call
}
