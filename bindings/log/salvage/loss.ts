/** Something of a log that a copy made of its intact parts doesn't have as it was. */
export interface Loss {
  /** `undefined`: it may have been of any. */
  readonly topic: string | undefined
  /** From 0. */
  readonly partition: number | undefined
  /** The first offset that is missing, or undecided. */
  readonly offset: number | undefined
  /** After the last one; `undefined` where nothing tells how far it went. */
  readonly nextOffset: number | undefined
  /**
   * `missing`: the records aren't in the copy. `undecided`: they are, but what ended their transaction is lost, and the copy takes it for
   * aborted. `unknown`: what was written there can't be told; what of it stands elsewhere is in the copy.
   */
  readonly kind: 'missing' | 'undecided' | 'unknown'
  /** Where the damage is, relative to the source. */
  readonly file: string
  /** In bytes from the start of the file. */
  readonly position: number
  /** What is wrong there. */
  readonly code: string
}
