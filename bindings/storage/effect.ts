/**
 * What may take time (flush, open, rename, remove, a cold read) is an effect: the rooms above yield it and are resumed
 * with its result. Nobody below the scheduler awaits, so a simulator can own the order and the instant of everything.
 */
export interface Effect<T = unknown> {
  /** What kind of storage operation it is: the write-order monitor and traces read it. */
  readonly kind: EffectKind
  /** The file or directory it touches. */
  readonly target: string
  run(): T | Promise<T>
}

export type EffectKind =
  | 'open'
  | 'list'
  | 'rename'
  | 'remove'
  | 'flush'
  | 'syncDirectory'
  | 'read'
  | 'lock'
  | 'commit'
  | 'yield'

/** An effect yields alone, or several at once that may run side by side; results come back in the same shape. */
export type Task<T> = Generator<Effect | readonly Effect[], T, unknown>

export function* perform<T>(kind: EffectKind, target: string, run: () => T | Promise<T>): Task<T> {
  return (yield { kind, target, run }) as T
}

export function* performAll<T>(effects: readonly Effect<T>[]): Task<T[]> {
  if (effects.length === 0) return []
  return (yield effects) as T[]
}
