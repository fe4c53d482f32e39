import { LogError } from '../model/errors.ts'

/** The name of every option of `O`: the compiler sees that none is missing, and none too many. */
export type OptionNames<O> = Readonly<Record<O extends unknown ? keyof O : never, true>>

/** A name that is longer is cut: it is no slip, and a message is no place for it. */
const NAME_CHARS = 64
const NEAREST_MAX = 3

/**
 * What the compiler sees in TypeScript, for plain JavaScript: INVALID_REQUEST for what is no object of options, and for
 * a name that `call` has no option of. A slip in a name would be a default that nobody asked for. Values are checked
 * where they are read.
 */
export function assertOptions<O>(options: O, names: OptionNames<O>, call: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LogError('INVALID_REQUEST', `options of ${call} must be an object`, { call, option: 'options' })
  }
  // Inherited ones are read like its own.
  for (const name in options) if (!Object.hasOwn(names, name)) throw unknownOption(name, Object.keys(names), call)
}

function unknownOption(name: string, known: readonly string[], call: string): LogError {
  const nearest = nearestOf(name, known)
  const advice = nearest.length > 0 ? `did you mean ${nearest.join(' or ')}?` : `it has ${known.join(', ')}`
  const option = name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS)}…` : name
  const details = { call, option, nearest: nearest.length > 0 ? nearest : known }
  return new LogError('INVALID_REQUEST', `${call} has no option ${JSON.stringify(option)}: ${advice}`, details)
}

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
 * Letters to add, drop, exchange or swap with the next one; none where one name is the beginning or end of the other.
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
