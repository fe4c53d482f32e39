/**
 * The rare branches of recovery. The crash simulation asserts that each was taken, because a branch that no crash
 * reaches is one that no test proves.
 */
const RECOVERY_MARKS = [
  'frame-restated',
  'partial-sector-restored',
  'batches-replayed',
  'decision-replayed',
  'extent-replayed',
  'roll-again',
  'closed-indexes-made-again',
  'next-segment-left',
  'further-batch-kept',
  'tail-cut',
  'later-segment-set-aside',
  'continue-at-ceiling',
  'partition-untouched',
  'segments-below-start',
  'decision-without-frame',
  'dead-topic-skipped',
  'journal-gap',
  'torn-checkpoint-passed-over',
  'dead-directory-removed',
  'broken-frame-set-aside',
  'swap-finished',
  'swap-dropped',
  'replaced-segment-removed',
] as const

export type RecoveryMark = (typeof RECOVERY_MARKS)[number]

/** Counts of one process; the simulation reads and clears them. */
class Marks {
  readonly all: readonly RecoveryMark[] = RECOVERY_MARKS
  readonly counts: Map<RecoveryMark, number> = new Map()

  hit(mark: RecoveryMark): void {
    this.counts.set(mark, (this.counts.get(mark) ?? 0) + 1)
  }
}

export const recoveryMarks: Marks = new Marks()
