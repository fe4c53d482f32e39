/** What a value did over time, by least squares. */
export interface Slope {
  readonly mean: number
  /** By how much the line goes up from its beginning to its end. */
  readonly rise: number
}

export function slopeOf(samples: readonly (readonly [seconds: number, value: number])[]): Slope {
  const count = samples.length
  const mean = (of: (sample: readonly [number, number]) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count
  const [meanTime, meanValue] = [mean(([time]) => time), mean(([, value]) => value)]
  const covariance = mean(([time, value]) => (time - meanTime) * (value - meanValue))
  const variance = mean(([time]) => (time - meanTime) ** 2)
  const duration = (samples.at(-1)?.[0] ?? 0) - (samples[0]?.[0] ?? 0)
  return { mean: meanValue, rise: variance === 0 ? 0 : (covariance / variance) * duration }
}
