import { LogError } from '../../model/errors.ts'

/** Skips what frees memory of a kernel that has trapped: the caller goes on to release files and lock. */
export function unlessPoisoned(giveBack: () => void): void {
  try {
    giveBack()
  } catch (error) {
    if (!LogError.is(error, 'KERNEL_POISONED')) throw error
  }
}
