/**
 * What the journal tells an observer of the order of its writes: the simulator's monitor checks each event against the
 * rules of docs/durability.md. In production there is no observer.
 */
export interface WriteOrderObserver {
  /** What frame `sequence` will make durable. Told before the frame is placed. */
  frameCovers(sequence: number, claim: FrameClaim): void
  /** Frame `sequence` was handed to the file and isn't flushed yet. */
  framePlaced(sequence: number, file: string, position: number, lengthBytes: number): void
  /** The flush of the frame has ended. */
  frameDurable(sequence: number): void
  /** A decision of frame `sequence` is about to be written to its segment (rule 3). */
  decisionPlaced(sequence: number, file: string, position: number): void
  /**
   * A checkpoint is about to be written; every file and directory in it must be durable up to what it notes (rule 4).
   */
  checkpointPlaced(coveredSequence: number, noted: readonly WrittenFile[]): void
  /**
   * The checkpoint is durable: the frames that it covers may be reused, and what it notes needs no frame any more (rule
   * 2).
   */
  checkpointDurable(coveredSequence: number, checkpoint: WrittenCheckpoint): void
}

/** A file, and how many of its bytes are noted. */
export interface WrittenFile {
  readonly file: string
  readonly sizeBytes: number
}

/** Everything of these partitions below their `nextOffset` is durable with it. */
export interface WrittenCheckpoint extends WrittenFile {
  readonly ends: readonly { readonly topicId: string; readonly partition: number; readonly nextOffset: number }[]
}

export type FrameClaim =
  /** Everything of the partition below `nextOffset`. An extent's bytes are in its segment, durable already (rule 2). */
  | {
      readonly kind: 'partition'
      readonly topicId: string
      readonly partition: number
      readonly nextOffset: number
      readonly extent?: { readonly file: string; readonly position: number; readonly lengthBytes: number } | undefined
    }
  | { readonly kind: 'ceiling'; readonly topicId: string; readonly partition: number; readonly ceiling: number }
  | { readonly kind: 'producerIds'; readonly end: number }
