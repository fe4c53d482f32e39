/** Lib es2023 doesn't declare it; every engine has it since 2023. */
interface WellFormed {
  isWellFormed(): boolean
}

/** Lone surrogates have no UTF-8 form: an encoder would silently write something else. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed()
}
