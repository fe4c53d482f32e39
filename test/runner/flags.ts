/**
 * For processes that simulate: nearly all that they make is garbage at once, so the young heap is large and seldom
 * copied; and where each core has a process of its own, threads that help to collect wait for one another. It saves a
 * twentieth of their CPU time; a process that has the machine for itself gains nothing.
 */
export const MUCH_GARBAGE: readonly string[] = [
  '--single-threaded-gc',
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
]

/**
 * For processes that end soon: V8 has a function run some four times as long as it usually would before it optimises
 * it. Most of what they optimise would never pay for it; it saves an eighth of their CPU time. The V8 of Node 22 and
 * later has no such number any more.
 */
const hasInterruptBudget = Number.parseInt(process.versions.node, 10) < 22
export const SHORT_LIVED: readonly string[] = hasInterruptBudget ? ['--interrupt-budget=300000'] : []
