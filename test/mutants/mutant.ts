/** One mechanism taken out of the sources: the tests must tell. */
export interface Mutant {
  readonly name: string
  /** Below bindings/. */
  readonly file: string
  /** What is replaced, and by what; it stands in the file once. */
  readonly find: string
  readonly put: string
  /** Below test/, the one that tells soonest first. */
  readonly tests: readonly string[]
}
