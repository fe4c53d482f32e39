import { LogError } from '../model/errors.ts'
import type { AbortSignalLike } from '../model/platform.ts'

/** What can be given up. */
export interface Abortable {
  /** Ends the wait: the call or iteration rejects with the signal's reason. Any platform's AbortSignal. */
  signal?: AbortSignalLike | undefined
}

type Signal = AbortSignalLike | undefined

export function abortReason(signal: AbortSignalLike): Error {
  return signal.reason as Error
}

export function throwIfAborted(signal: Signal): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** The options' signal. INVALID_REQUEST for what plain JavaScript passes wrongly. */
export function signalOf(options: Abortable): Signal {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object')
  const { signal } = options
  if (signal === undefined) return undefined
  if (typeof signal === 'object' && typeof signal?.addEventListener === 'function') return signal
  throw wrong('signal', 'an AbortSignal')
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}

/** `promise`, or the signal's reason if it aborts before. Leaves no listener behind. */
export async function abortable<T>(promise: Promise<T>, signal: Signal): Promise<T> {
  if (signal === undefined) return promise
  throwIfAborted(signal)
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abortReason(signal))
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
