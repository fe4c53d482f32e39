/** The earlier of two instants; `undefined` never comes. */
export function earlierDeadline(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}
