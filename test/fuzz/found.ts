/** What fuzzing found once: by target, as its `--bytes` has it, and what has to become of it now. */
export interface Found {
  readonly target: string
  readonly hex: string
  readonly outcome: 'taken' | 'refused'
  readonly because: string
}

export const FOUND: readonly Found[] = []
