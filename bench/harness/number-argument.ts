/**
 * A count on the command line, by its place from 1 on. What is no number would run nothing, and pass for a bench that
 * met its goal.
 */
export function numberArgument(place: number, usual: number): number {
  const given = process.argv[place + 1]
  if (given === undefined) return usual
  return positive(given, place)
}

/** Several with commas between. */
export function numbersArgument(place: number, usual: readonly number[]): readonly number[] {
  return process.argv[place + 1]?.split(',').map((each) => positive(each, place)) ?? usual
}

function positive(given: string, place: number): number {
  const value = Number(given)
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`argument ${place} must be a number above 0, not ${JSON.stringify(given)}`)
}
