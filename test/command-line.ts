// Command lines of programs that are run by hand: a wrong word is answered with the possible ones instead of a stack,
// and ends with 2, since a run of nothing would pass.
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Ends the process. */
export function refuse(message: string): never {
  console.error(message)
  process.exit(2)
}

/** As `parseArgs`; `usage` is told with what it doesn't know. */
export function optionsOf<const T extends ParseArgsConfig>(config: T, usage: string): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    return refuse(`${(error as Error).message.split('. ')[0]}\n${usage}`)
  }
}

/** The number that `text` is, from `least` on: a whole one unless `isFraction`. */
export function numberOf(name: string, text: string, least: number, isFraction = false): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (number >= least && (isFraction ? Number.isFinite(number) : Number.isSafeInteger(number))) return number
  return refuse(`${name} must be a ${isFraction ? '' : 'whole '}number from ${least} on, not "${text}"`)
}

/** Time to work, more than none. */
export function minutesOf(name: string, text: string): number {
  const minutes = numberOf(name, text, 0, true)
  return minutes > 0 ? minutes : refuse(`${name} must be above 0`)
}

/** `name`, if it is one of `known`. */
export function oneOf<const T extends string>(what: string, name: string, known: readonly T[]): T {
  const found = known.find((each) => each === name)
  return found ?? refuse(`there is no ${what} "${name}"; there are: ${known.join(', ')}`)
}

/** The one of `known` with this name. */
export function byName<T extends { readonly name: string }>(what: string, name: string, known: readonly T[]): T {
  const found = known.find((each) => each.name === name)
  return found ?? refuse(`there is no ${what} "${name}"; there are: ${known.map((each) => each.name).join(', ')}`)
}

/** Those of `known` that hold one of `words`, all without any. Each word has to choose something. */
export function namedBy(what: string, words: readonly string[], known: readonly string[]): readonly string[] {
  for (const word of words)
    if (!known.some((name) => name.includes(word)))
      refuse(`there is no ${what} with "${word}" in its name; there are: ${shortList(known)}`)
  return known.filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
}

const SHOWN_MAX = 20

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_MAX).join(', ')
  return names.length > SHOWN_MAX ? `${shown} and ${names.length - SHOWN_MAX} more` : shown
}
