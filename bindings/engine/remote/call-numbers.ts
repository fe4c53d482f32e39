const LAST_CALL = 0x7fffffff

/**
 * The number of the next call behind `newest`; from 1 again behind 2^31 - 1. A read that waits keeps its number as long as
 * nothing comes, and the numbers may have gone all the way round by then: the next call with it would take its answer.
 */
export function nextCall(newest: number, pending: { has(call: number): boolean }): number {
  let call = newest
  do call = call >= LAST_CALL ? 1 : call + 1
  while (pending.has(call))
  return call
}
