/** Something that the source has and the new log hasn't, or hasn't as it stood. */
export interface LeftOut {
  /** The file or directory, relative to the source. */
  readonly file: string
  /** From where on in the file, in bytes. */
  readonly position?: number | undefined
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** The first offset that is concerned. */
  readonly offset?: number | undefined
  readonly bytes?: number | undefined
  readonly why: string
  /**
   * The new log has less than the broker showed or would have shown: whole batches after a cut may have been
   * acknowledged.
   */
  readonly isLoss: boolean
}
