import { LogError } from '../model/errors.ts'
import type { AbortSignalLike } from '../model/platform.ts'
import { assertOptions, type OptionNames } from './options.ts'

/** What can be given up. */
export interface Abortable {
  /** Ends the wait: the call or iteration rejects with the signal's reason. Any platform's AbortSignal. */
  signal?: AbortSignalLike | undefined
}

type Signal = AbortSignalLike | undefined

const NAMES: OptionNames<Abortable> = { signal: true }

/** A signal may be a program's own class. What its getter throws is the reason, so that every wait hears of one. */
export function abortReason(signal: AbortSignalLike): Error {
  try {
    return signal.reason as Error
  } catch (error) {
    return error as Error
  }
}

export function throwIfAborted(signal: Signal): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** The signal of `call`, which has no other option. INVALID_REQUEST for what plain JavaScript passes wrongly. */
export function onlySignalOf(options: Abortable, call: string): Signal {
  assertOptions(options, NAMES, call)
  return signalOf(options)
}

/** The signal among options whose names are known. INVALID_REQUEST for something that is no signal. */
export function signalOf({ signal }: Abortable): Signal {
  if (signal === undefined) return undefined
  if (typeof signal === 'object' && typeof signal?.addEventListener === 'function') return signal
  throw new LogError('INVALID_REQUEST', 'signal must be an AbortSignal', { option: 'signal' })
}

/** What waits for one signal. */
class Waits {
  readonly calls: Set<() => void> = new Set()
  readonly aborted = (): void => {
    for (const call of this.calls) call()
    this.calls.clear()
  }
}

const waits: WeakMap<AbortSignalLike, Waits> = new WeakMap()

/**
 * Calls `call` once when the signal aborts. However many wait for one signal, it has one listener of theirs: a platform
 * compares each further one with all others, and Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: Signal, call: () => void): void {
  if (signal === undefined) return
  let all = waits.get(signal)
  if (all === undefined) {
    all = new Waits()
    waits.set(signal, all)
  }
  if (all.calls.size === 0) signal.addEventListener('abort', all.aborted, { once: true })
  all.calls.add(call)
}

/** Takes back `onAbort`. The last one takes the listener from the signal. */
export function offAbort(signal: Signal, call: () => void): void {
  const all = signal && waits.get(signal)
  if (all?.calls.delete(call) === true && all.calls.size === 0) signal?.removeEventListener('abort', all.aborted)
}

/** Settles as `promise`, or rejects with the signal's reason if it aborts before. Leaves no listener behind. */
export async function abortable<T>(promise: Promise<T>, signal: Signal): Promise<T> {
  if (signal === undefined) return promise
  // Nobody waits for it then, and its failure must not end the program.
  if (signal.aborted) promise.catch(() => {})
  throwIfAborted(signal)
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abortReason(signal))
  })
  onAbort(signal, stop)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    offAbort(signal, stop)
  }
}

/**
 * The outcome of `wait`, which `wake` ends once a signal aborts. Between two waits nothing listens: an iterator that a
 * program dropped without ending it would else listen for as long as the signal lives.
 */
export async function wokenBy<T>(signals: readonly Signal[], wake: () => void, wait: () => Promise<T>): Promise<T> {
  for (const signal of signals) onAbort(signal, wake)
  try {
    return await wait()
  } finally {
    for (const signal of signals) offAbort(signal, wake)
  }
}
