import { LogError } from '../model/errors.ts'
import type { Task } from './effect.ts'

/** Runs what can be done later as well. False if there was no room for it. */
export function* unlessFull(task: Task<void>): Task<boolean> {
  try {
    yield* task
    return true
  } catch (error) {
    if (!LogError.is(error, 'STORAGE_FULL')) throw error
    return false
  }
}
