/** Something that the log had and the copy of its intact parts doesn't have, or not as it was. */
export interface Loss {
  /** The topic's name; `undefined`, like partition and offsets, where any topic may be concerned. */
  readonly topic: string | undefined
  /** The partition's number, from 0. */
  readonly partition: number | undefined
  /** The first offset that is missing or undecided. */
  readonly offset: number | undefined
  /** The offset after the last one; `undefined` where nothing tells how far the loss goes. */
  readonly nextOffset: number | undefined
  /**
   * `missing`: the records aren't in the copy. `undecided`: they are, but the end of their transaction is lost and the
   * copy aborts it. `unknown`: nobody can tell what was written there; if it stands elsewhere too, it is in the copy.
   */
  readonly kind: 'missing' | 'undecided' | 'unknown'
  /** The damaged file, relative to the source. */
  readonly file: string
  /** In bytes from the start of the file. */
  readonly position: number
  /** The error's code or the fault that was found there. */
  readonly code: string
}
