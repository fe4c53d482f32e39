/**
 * For processes that simulate: nearly all that they make is garbage at once, so the young heap is large and seldom copied; and where
 * each core has a process of its own, threads that help to collect wait for one another. It saves a twentieth of their CPU time; a process that has the machine for itself gains nothing.
 */
export const MUCH_GARBAGE: readonly string[] = [
  '--single-threaded-gc',
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
]
