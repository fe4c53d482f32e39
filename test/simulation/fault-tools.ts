// How a mechanism is taken out: of the disk under the engine, of a class, or of the effects that a task yields.
import type { Effect, Task } from '../../bindings/storage/effect.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

/** Flushes of these files say that they are done. */
export function lieAbout(disk: VirtualDisk, path: string): void {
  disk.faults = new DiskFaults([{ kind: 'flush', effect: 'lying', at: 1, isSticky: true, path }])
}

export function loseSyncs(disk: VirtualDisk, isLost: (path: string) => boolean): void {
  const sync = disk.syncDirectory.bind(disk)
  disk.syncDirectory = (path) => {
    if (isLost(path)) disk.begin('syncDirectory', path)
    else sync(path)
  }
}

export function changeFiles(disk: VirtualDisk, path: string, changes: Partial<StoreFile>): void {
  const open = disk.open.bind(disk)
  disk.open = (name, options) => {
    const file = open(name, options)
    return file !== undefined && name.includes(path) ? Object.assign(file, changes) : file
  }
}

/** Puts back what was taken out. */
export type Mend = () => void

/** Puts another method in the place of a class's own. */
export function replace<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  make: (before: T[K]) => T[K],
): Mend {
  const before = prototype[name]
  prototype[name] = make(before)
  return () => {
    prototype[name] = before
  }
}

type IsMeant = (effect: Effect) => boolean

export function isFlushOf(path: string): IsMeant {
  return ({ kind, target }) => kind === 'flush' && target.includes(path)
}

export function isSyncOfPartition({ kind, target }: Effect): boolean {
  return kind === 'syncDirectory' && /-\d+$/.test(target)
}

/** The task without some of its effects; they go to `lost`. */
export function* withoutEffects<T>(task: Task<T>, isMeant: IsMeant, lost: (effect: Effect) => void): Task<T> {
  let step = task.next()
  while (step.done !== true) {
    const effects: readonly Effect[] = Array.isArray(step.value) ? step.value : [step.value as Effect]
    for (const effect of effects.filter(isMeant)) lost(effect)
    const kept = effects.filter((effect) => !isMeant(effect))
    let results: unknown
    try {
      results = kept.length === 0 ? [] : yield kept
    } catch (error) {
      step = task.throw(error)
      continue
    }
    step = task.next(Array.isArray(step.value) ? results : (results as unknown[])[0])
  }
  return step.value
}

/** The task; `done` hears of these effects when it goes on after them. */
export function* watched<T>(task: Task<T>, isMeant: IsMeant, done: (effect: Effect) => void): Task<T> {
  let step = task.next()
  while (step.done !== true) {
    const effects: readonly Effect[] = Array.isArray(step.value) ? step.value : [step.value as Effect]
    let result: unknown
    try {
      result = yield step.value
    } catch (error) {
      step = task.throw(error)
      continue
    }
    for (const effect of effects.filter(isMeant)) done(effect)
    step = task.next(result)
  }
  return step.value
}

/** The task, which asks once more for an effect of these that failed, and goes on as if it had not. */
export function* triedAgain<T>(task: Task<T>, isMeant: IsMeant): Task<T> {
  let step = task.next()
  while (step.done !== true) {
    const asked: readonly Effect[] = Array.isArray(step.value) ? step.value : [step.value as Effect]
    let result: unknown
    try {
      result = yield step.value
    } catch (error) {
      if (!asked.some(isMeant)) {
        step = task.throw(error)
        continue
      }
      result = yield step.value
    }
    step = task.next(result)
  }
  return step.value
}

/** The task with some of its effects at its end. */
export function* postponed<T>(task: Task<T>, isMeant: IsMeant): Task<T> {
  const late: Effect[] = []
  const value = yield* withoutEffects(task, isMeant, (effect) => late.push(effect))
  for (const effect of late) yield effect
  return value
}
