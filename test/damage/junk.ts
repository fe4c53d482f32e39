import { readFileSync } from 'node:fs'
import { type EmbeddedLog, LogError } from '../../bindings/entry/node.ts'

const trapped = new Error('the object threw')
const throwing = (): never => {
  throw trapped
}

/** What plain JavaScript can pass in place of anything. */
export const JUNK: readonly (readonly [kind: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ...[true, -1, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e21, '', 'x', 1n].map(
    (value) => [`${typeof value} ${value}`, value] as const,
  ),
  ['symbol', Symbol('s')],
  ['function', () => {}],
  ['empty list', []],
  ...[undefined, null, Symbol('s'), {}].map((value) => [`list of ${typeof value}`, [value]] as const),
  ['empty object', {}],
  ['object without prototype', Object.create(null)],
  ['prototype pollution', JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')],
  ['invalid date', new Date(Number.NaN)],
  ['map', new Map([['a', 1]])],
  ['bytes', new Uint8Array(3)],
  ['proxy', new Proxy({}, { get: throwing, has: throwing, ownKeys: throwing })],
  ['throwing getters', Object.defineProperty({}, 'topic', { get: throwing, enumerable: true })],
]

export type JunkCall = (log: EmbeddedLog, junk: never) => unknown

/** A call that takes longer counts as one that hangs, which fails the test: no result waits for it. */
const HANGS_AFTER_MS = 5000

/** What is wrong with how the call ended: neither taken nor refused as misuse. */
export async function outcome(call: JunkCall, log: EmbeddedLog, junk: unknown): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, HANGS_AFTER_MS, 'does not end')
  })
  try {
    return await Promise.race([(async () => void (await call(log, junk as never)))(), late])
  } catch (error) {
    if (error === trapped) return undefined
    if (!LogError.is(error)) return `throws ${String(error)}`
    return error.category === 'misuse' && error.hint !== '' ? undefined : `gives ${error.code}, ${error.category}`
  } finally {
    clearTimeout(timer)
  }
}

/** Each call with each value. */
export async function tryAll(calls: Readonly<Record<string, JunkCall>>, log: EmbeddedLog): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const [name, call] of Object.entries(calls)) {
    for (const [kind, junk] of JUNK) {
      const found = await outcome(call, log, junk)
      if (found !== undefined) wrong.push(`${name} with ${kind} ${found}`)
    }
  }
  return wrong
}

const report = readFileSync(new URL('../../docs/api/oncelog.api.md', import.meta.url), 'utf8')
/** Not to be called wrongly: they take nothing. `toReadableStream`, `assignment` and the like. */
const WITHOUT_ARGUMENTS = /\(\):/

/** Of an interface of the API report: what can be given to it. */
export function membersOf(name: string): string[] {
  const body = new RegExp(`^export interface ${name}\\b.*\\{\n((?:    .*\n|// .*\n)*)\\}`, 'm').exec(report)?.[1] ?? ''
  return body
    .split('\n')
    .filter((line) => /^ {4}\w/.test(line) && !line.includes('readonly ') && !WITHOUT_ARGUMENTS.test(line))
    .map((line) => `${name}.${/\w+/.exec(line)?.[0]}`)
}
