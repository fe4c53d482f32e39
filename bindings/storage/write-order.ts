/**
 * What the journal tells whoever watches the order of its writes: the simulator's monitor holds each event against the
 * rules of docs/durability.md. In production nobody listens.
 */
export interface WriteOrderObserver {
  /** Frame `sequence` was handed to the file, unflushed. */
  framePlaced(sequence: number, file: string, position: number, lengthBytes: number): void
  /** Its flush ended. */
  frameDurable(sequence: number): void
  /** A decision of frame `sequence` is about to be written to its segment (rule 3). */
  decisionPlaced(sequence: number, file: string, position: number): void
  /** A checkpoint is about to be written; every file and directory in it must be durable up to what it notes (rule 4). */
  checkpointPlaced(
    coveredSequence: number,
    noted: readonly { readonly file: string; readonly sizeBytes: number }[],
  ): void
  checkpointDurable(coveredSequence: number): void
}
