import type { AbortSignalLike } from '../model/platform.ts'

export interface Abortable {
  /** Ends the wait: the call rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined
}

export function abortReason(signal: AbortSignalLike): Error {
  return signal.reason as Error
}

export function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted) throw abortReason(signal)
}
