import { LogError } from '../model/errors.ts'
import type { Task } from './effect.ts'

/** Runs a task that can also be done later. False if there was no room for it. */
export function* unlessFull(task: Task<void>): Task<boolean> {
  try {
    yield* task
    return true
  } catch (error) {
    if (!LogError.is(error, 'STORAGE_FULL')) throw error
    return false
  }
}
