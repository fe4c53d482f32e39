import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { mutated } from './mutate.ts'
import { shrunk } from './shrink.ts'
import { type Bytes, type FuzzTarget, Refused, toHex } from './target.ts'
import type { Watchdog } from './watchdog.ts'

/** No decoder takes so long for so few bytes: what takes it by the clock is tried again, and its CPU time counts. */
const SLOW_AFTER_MS = 2000
const SLOW = 'it takes too long'
/** More hex than that goes into no command line. */
const HEX_BYTES_MAX = 4096

/** What one seed came to; `wrong` is what must not be, with the command that repeats it. */
export interface Fuzzed {
  readonly cases: number
  readonly refused: number
  readonly wrong: string | undefined
}

export interface FuzzRange {
  readonly seed: number
  readonly from?: number
  readonly cases: number
  readonly watchdog?: Watchdog | undefined
}

/** So many cases of one seed; ends at the first that is wrong. */
export async function fuzz(target: FuzzTarget, { seed, from = 0, cases, watchdog }: FuzzRange): Promise<Fuzzed> {
  let refused = 0
  for (let number = from; number < from + cases; number++) {
    watchdog?.begin(target.name, seed, number)
    const bytes = caseOf(target, seed, number)
    const answer = attempt(target, bytes)
    let outcome = answer instanceof Promise ? await answer : answer
    if (outcome === SLOW && !(await isSlow(target, bytes))) outcome = 'taken'
    if (outcome === 'refused') refused++
    else if (outcome !== 'taken') {
      const wrong = await told(target, { seed, number, bytes, outcome })
      return { cases: number + 1 - from, refused, wrong }
    }
  }
  return { cases, refused, wrong: undefined }
}

/** Seed and number decide it, whatever was before. */
export function caseOf(target: FuzzTarget, seed: number, number: number): Bytes {
  return mutated(target, new Random(Math.imul(seed, 0x2545f491) + number))
}

/** 'taken', 'refused', or what is wrong. */
export function attempt(target: FuzzTarget, bytes: Bytes): string | Promise<string> {
  const started = performance.now()
  const took = () => (performance.now() - started > SLOW_AFTER_MS ? SLOW : 'taken')
  try {
    const taken = target.take(bytes)
    return taken instanceof Promise ? taken.then(took, outcomeOf) : took()
  } catch (error) {
    return outcomeOf(error)
  }
}

async function isSlow(target: FuzzTarget, bytes: Bytes): Promise<boolean> {
  await target.renew?.()
  const before = process.cpuUsage()
  await attempt(target, bytes)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 > SLOW_AFTER_MS
}

function outcomeOf(error: unknown): string {
  if (error instanceof Refused) return 'refused'
  if (!LogError.is(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (error.code === 'KERNEL_POISONED' || error.code === 'UNKNOWN_SERVER_ERROR') return `${error.code}: ${error.stack}`
  const { file, position } = error.details
  const hasPlace = error.code !== 'CORRUPT_LOG' || isPlace(file, position) || 'topic' in error.details
  return hasPlace ? 'refused' : `${error.code} without a place: ${error.message}`
}

function isPlace(file: unknown, position: unknown): boolean {
  return typeof file === 'string' && file !== '' && Number.isSafeInteger(position)
}

interface Failure {
  readonly seed: number
  readonly number: number
  readonly bytes: Bytes
  readonly outcome: string
}

async function told(target: FuzzTarget, { seed, number, bytes, outcome }: Failure): Promise<string> {
  const fails = async (candidate: Bytes) => {
    await target.renew?.()
    const answer = await attempt(target, candidate)
    return answer !== 'taken' && answer !== 'refused'
  }
  const command = `npm run fuzz -- --target '${target.name}'`
  const byCase = `${command} --seed ${seed} --case ${number}`
  if (!(await fails(bytes))) return `${target.name}: ${outcome}\nonly after the cases before it: ${byCase}`
  const least = await shrunk(bytes, fails)
  await target.renew?.()
  const repeat = least.length > HEX_BYTES_MAX ? byCase : `${command} --bytes ${toHex(least)}`
  return `${target.name}: ${outcome}\n${bytes.length} bytes, ${least.length} of them needed: ${repeat}`
}
