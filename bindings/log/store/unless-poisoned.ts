import { LogError } from '../../model/errors.ts'

/** A kernel that trapped has nothing left to give back; files and lock are given back all the same. */
export function unlessPoisoned(giveBack: () => void): void {
  try {
    giveBack()
  } catch (error) {
    if (!LogError.is(error, 'KERNEL_POISONED')) throw error
  }
}
