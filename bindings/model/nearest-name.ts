/** A longer name is cut: it is no misspelling, and doesn't belong in a message. */
export const NAME_CHARS = 64
const NEAREST_MAX = 3

/** Known names that may have been meant, the likeliest first: Kafka's own spelling (`group.id`) leads to ours. */
export function nearestOf(name: string, known: readonly string[]): string[] {
  const given = plain(name)
  const ranked = known.map((each) => ({ each, slips: slipsBetween(given, plain(each)) }))
  return ranked
    .filter(({ each, slips }) => slips <= Math.floor(Math.min(name.length, each.length) / 3))
    .sort((a, b) => a.slips - b.slips)
    .slice(0, NEAREST_MAX)
    .map(({ each }) => each)
}

function plain(name: string): string {
  return name
    .slice(0, NAME_CHARS)
    .toLowerCase()
    .replace(/[^a-z]/g, '')
}

/**
 * Number of characters to add, drop, replace or swap with the next one; 0 if one name is the beginning or end of the
 * other.
 */
function slipsBetween(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length > 2 && (long.startsWith(short) || long.endsWith(short))) return 0
  let before: readonly number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : exchanged
      next.push(Math.min(exchanged, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
