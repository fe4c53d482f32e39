// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
const STUDENT_95: readonly number[] = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]

export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly pairs: number
}

export function percentile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
}

/** Geometric mean of left / right over pairs, with its 95 % interval from Student's t on the logarithms. */
export function ratioOfPairs(left: readonly number[], right: readonly number[]): Ratio {
  const logs: number[] = []
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const log = Math.log((left[index] as number) / (right[index] as number))
    if (Number.isFinite(log)) logs.push(log)
  }
  const pairs = logs.length
  const mean = logs.reduce((sum, log) => sum + log, 0) / pairs
  if (pairs < 2) return { ratio: Math.exp(mean), low: Number.NaN, high: Number.NaN, pairs }
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (pairs - 1)
  const degrees = pairs - 1
  // Past the table 1.96 + 2.4 / df is within 0.1 % of the exact quantile.
  const quantile = STUDENT_95[degrees - 1] ?? 1.96 + 2.4 / degrees
  const margin = quantile * Math.sqrt(variance / pairs)
  return { ratio: Math.exp(mean), low: Math.exp(mean - margin), high: Math.exp(mean + margin), pairs }
}
