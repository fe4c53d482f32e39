/** What stands in the source and isn't in the new log, or not as it stood. */
export interface LeftOut {
  /** Relative to the source: a file, or a directory. */
  readonly file: string
  /** In bytes from the start of the file, from where on. */
  readonly position?: number | undefined
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** The first one that is concerned. */
  readonly offset?: number | undefined
  readonly bytes?: number | undefined
  readonly why: string
  /** The new log holds less than its broker showed, or would show: whole batches behind a cut may have been acknowledged. */
  readonly isLoss: boolean
}
