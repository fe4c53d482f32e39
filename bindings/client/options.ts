import { LogError } from '../model/errors.ts'
import { NAME_CHARS, nearestOf } from '../model/nearest-name.ts'

/** The name of every option of `O`: the compiler sees that none is missing and none is unknown. */
export type OptionNames<O> = Readonly<Record<O extends unknown ? keyof O : never, true>>

/**
 * Checks at run time, for plain JavaScript, what the compiler checks in TypeScript: INVALID_REQUEST for options that
 * are no object, and for a name that is no option of `call`. A misspelt name would silently mean the default. Values
 * are checked where they are read.
 */
export function assertOptions<O>(options: O, names: OptionNames<O>, call: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LogError('INVALID_REQUEST', `options of ${call} must be an object`, { call, option: 'options' })
  }
  // Inherited options are read like own ones, so they are checked too.
  for (const name in options) if (!Object.hasOwn(names, name)) throw unknownOption(name, Object.keys(names), call)
}

function unknownOption(name: string, known: readonly string[], call: string): LogError {
  const nearest = nearestOf(name, known)
  const advice = nearest.length > 0 ? `did you mean ${nearest.join(' or ')}?` : `it has ${known.join(', ')}`
  const option = name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS)}…` : name
  const details = { call, option, nearest: nearest.length > 0 ? nearest : known }
  return new LogError('INVALID_REQUEST', `${call} has no option ${JSON.stringify(option)}: ${advice}`, details)
}

/** The error for an option whose value is wrong. */
export function wrongOption(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}

/** The error for an argument whose value is wrong. */
export function wrongArgument(argument: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${argument} must be ${expected}`, { argument })
}
