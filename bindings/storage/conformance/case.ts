import { LogError } from '../../model/errors.ts'

/** One sentence of a port's contract. `run` rejects, saying what was seen instead; any test framework can call it. */
export interface ConformanceCase {
  /** The sentence. */
  readonly name: string
  /** Resolves when it holds. */
  run(): Promise<void>
}

export function check(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Error(`expected: ${expected}`)
}

/** For numbers, texts and plain lists of them; never for large content. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [seen, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (seen !== wanted) throw new Error(`${what}: expected ${wanted}, saw ${seen}`)
}

export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  same(actual.length, expected.length, `${what}, length`)
  const at = actual.findIndex((byte, index) => byte !== expected[index])
  if (at >= 0) throw new Error(`${what}: expected ${expected[at]} at ${at}, saw ${actual[at]}`)
}

/** The LogError that `act` throws or rejects with; it must carry one of `codes`. */
export async function failure(act: () => unknown, what: string, ...codes: readonly string[]): Promise<LogError> {
  try {
    await act()
  } catch (error) {
    check(LogError.is(error), `${what} to fail with a LogError, not with ${String(error)}`)
    check(codes.includes(error.code), `${what} to fail with ${codes.join(' or ')}, not with ${error.code}`)
    return error as LogError
  }
  throw new Error(`expected: ${what} to be refused`)
}
