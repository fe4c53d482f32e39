import { LogError } from '../../model/errors.ts'

/** A kernel that trapped can't give its memory back; the caller goes on to give back files and lock. */
export function unlessPoisoned(giveBack: () => void): void {
  try {
    giveBack()
  } catch (error) {
    if (!LogError.is(error, 'KERNEL_POISONED')) throw error
  }
}
