import type { FileStore, StoreFile } from './file-store.ts'
import { isPromise } from './is-promise.ts'

/**
 * What may take time (flush, open, rename, remove, a read from disk) is an effect: the code above yields it and is
 * resumed with its result. Nothing below the scheduler awaits, so a simulator can decide the order and the instant of
 * everything.
 */
export interface Effect<T = unknown> {
  /** What kind of storage operation it is: the write-order monitor and traces read it. */
  readonly kind: EffectKind
  /** The file or directory it touches. */
  readonly target: string
  /** Performs the effect. What it throws or rejects with is thrown into the task where it yielded. */
  run(): T | Promise<T>
}

/**
 * Kinds of storage operations; `yield` only gives others their turn, `gather` only waits for what others ask for at
 * this moment.
 */
export type EffectKind =
  | 'open'
  | 'list'
  | 'rename'
  | 'remove'
  | 'truncate'
  | 'flush'
  | 'syncDirectory'
  | 'read'
  | 'lock'
  | 'commit'
  | 'yield'
  | 'gather'

/** An effect yields alone, or several at once that may run side by side; results come back in the same shape. */
export type Task<T> = Generator<Effect | readonly Effect[], T, unknown>

export function* perform<T>(kind: EffectKind, target: string, run: () => T | Promise<T>): Task<T> {
  return (yield { kind, target, run }) as T
}

export function* performAll<T>(effects: readonly Effect<T>[]): Task<T[]> {
  if (effects.length === 0) return []
  return (yield effects) as T[]
}

interface Strand {
  readonly task: Task<void>
  step: IteratorResult<Effect | readonly Effect[], void>
}

type Settled = { readonly value: unknown } | { readonly error: unknown }

/**
 * Runs tasks side by side, at most `atOnce` of them: the effects that they yield are issued together. The first error
 * ends them all, once the effects under way have ended and each task has got what its own gave: it may be an open file.
 */
export function* sideBySide(tasks: Iterable<Task<void>>, atOnce: number): Task<void> {
  const waiting = tasks[Symbol.iterator]()
  let strands: Strand[] = []
  try {
    for (;;) {
      strands = strands.filter(({ step }) => step.done !== true)
      while (strands.length < atOnce) {
        const next = waiting.next()
        if (next.done === true) break
        const strand = { task: next.value, step: next.value.next() }
        if (strand.step.done !== true) strands.push(strand)
      }
      if (strands.length === 0) return
      const results = yield* performAll(strands.flatMap(({ step }) => effectsOf(step).map(settled)))
      resumeAll(strands, results)
    }
  } finally {
    for (const { task } of strands) task.return()
  }
}

function effectsOf({ value }: Strand['step']): readonly Effect[] {
  return Array.isArray(value) ? value : [value as Effect]
}

function settled({ kind, target, run }: Effect): Effect<Settled> {
  const failed = (error: unknown): Settled => ({ error })
  return {
    kind,
    target,
    run: () => {
      try {
        const value = run()
        return isPromise(value) ? Promise.resolve(value).then((value) => ({ value }), failed) : { value }
      } catch (error) {
        return failed(error)
      }
    },
  }
}

/** Throws the first error of a task once all were resumed. */
function resumeAll(strands: readonly Strand[], results: Settled[]): void {
  const errors: unknown[] = []
  for (const strand of strands) {
    try {
      resumeStrand(strand, results.splice(0, effectsOf(strand.step).length))
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

function resumeStrand(strand: Strand, results: readonly Settled[]): void {
  const { task, step } = strand
  const failure = results.find((each) => 'error' in each)
  if (failure !== undefined && 'error' in failure) {
    strand.step = task.throw(failure.error)
    return
  }
  const values = results.map((each) => ('value' in each ? each.value : undefined))
  strand.step = task.next(Array.isArray(step.value) ? values : values[0])
}

/** As an effect, for `performAll`. */
export function directorySync(store: Pick<FileStore, 'syncDirectory'>, directory: string): Effect<void> {
  return { kind: 'syncDirectory', target: directory, run: () => store.syncDirectory(directory) }
}

/** As an effect, for `performAll`. */
export function flushOf(file: StoreFile): Effect<void> {
  return { kind: 'flush', target: file.path, run: () => file.flush() }
}

/** Does nothing: the other branch of a task that has something to do only now and then. */
export function* nothing(): Task<undefined> {}

/** Ends this turn of long work, so that commits that wait, and the program, go first. */
export function* letOthersRun(): Task<void> {
  yield* perform('yield', '', () => {})
}

/**
 * Waits for what others ask for at this moment, so that all of it can be done together: the program's promises go
 * first, no other event.
 */
export function* letOthersAsk(): Task<void> {
  yield* perform('gather', '', () => Promise.resolve())
}
