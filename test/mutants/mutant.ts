/** One mechanism taken out of the sources: the tests must tell. */
export interface Mutant {
  readonly name: string
  /** Below bindings/, or one of the kernel: `assembly/…`. */
  readonly file: string
  /** What is replaced, and by what; it stands in the file once. */
  readonly find: string
  readonly put: string
  /** Below test/, the one that tells soonest first. */
  readonly tests: readonly string[]
}

export function isOfKernel({ file }: Mutant): boolean {
  return file.startsWith('assembly/')
}

export function pathOf(mutant: Mutant): string {
  return isOfKernel(mutant) ? mutant.file : `bindings/${mutant.file}`
}
