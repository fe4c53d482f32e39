import type { BatchHeader } from '../../kernel/kernel.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { Task } from '../../storage/effect.ts'
import { isCommitMarker } from '../segment/transaction-scan.ts'
import type { Hole } from '../survey/intact-run.ts'
import { walkRun } from '../survey/survey-context.ts'
import type { SurveyedPartition } from './partition-survey.ts'
import type { SalvageContext } from './salvage-context.ts'

/** Batches of a transaction that follow each other. */
export interface UndecidedPart {
  readonly producerId: number
  readonly offset: number
  readonly nextOffset: number
  /** The hole in which the transaction's marker may have stood. */
  readonly hole: Hole
  /**
   * The producer's next marker is a commit, perhaps of another transaction. With these batches in the copy they would
   * count as committed, so they are left out.
   */
  readonly isLeftOut: boolean
}

interface OpenPart {
  readonly producerId: number
  readonly offset: number
  nextOffset: number
  hole: Hole | undefined
}

/**
 * The parts of transactions whose marker may have stood in a hole. A part that isn't followed by a commit stays in the
 * copy and is aborted there: by the abort that follows, or at the first open (durability rule 9).
 */
export function* undecidedParts(
  context: SalvageContext,
  { runs, holes }: SurveyedPartition,
): Task<readonly UndecidedPart[]> {
  const parts = new OpenParts()
  const ahead = [...holes]
  for (const run of runs) {
    while ((ahead[0]?.offset ?? Number.POSITIVE_INFINITY) < run.baseOffset) parts.cross(ahead.shift())
    yield* walkRun(context, run, ({ header, bytes, nextOffset }) => {
      parts.take(header, bytes, nextOffset)
      return undefined
    })
  }
  for (const hole of ahead) parts.cross(hole)
  const { lostFrames } = context
  if (lostFrames !== undefined) parts.cross({ ...lostFrames, offset: runs.at(-1)?.nextOffset ?? 0 })
  return parts.ended()
}

class OpenParts {
  #open: OpenPart[] = []
  readonly #undecided: UndecidedPart[] = []

  take(header: Readonly<BatchHeader>, bytes: Uint8Array, nextOffset: number): void {
    const { producerId, attributes, baseOffset } = header
    if (producerId < 0 || (attributes & ATTRIBUTE_TRANSACTIONAL) === 0) return
    if ((attributes & ATTRIBUTE_CONTROL) !== 0) return this.#end(producerId, isCommitMarker(bytes) ? 'commit' : 'abort')
    const open = this.#open.find((each) => each.producerId === producerId && each.nextOffset === baseOffset)
    if (open?.hole === undefined && open !== undefined) open.nextOffset = nextOffset
    else this.#open.push({ producerId, offset: baseOffset, nextOffset, hole: undefined })
  }

  cross(hole: Hole | undefined): void {
    for (const open of this.#open) open.hole ??= hole
  }

  ended(): readonly UndecidedPart[] {
    for (const { producerId } of [...this.#open]) this.#end(producerId, 'none')
    return this.#undecided
  }

  #end(producerId: number, nextMarker: 'commit' | 'abort' | 'none'): void {
    const isLeftOut = nextMarker === 'commit'
    for (const { offset, nextOffset, hole } of this.#open.filter((each) => each.producerId === producerId)) {
      if (hole !== undefined) this.#undecided.push({ producerId, offset, nextOffset, hole, isLeftOut })
    }
    this.#open = this.#open.filter((each) => each.producerId !== producerId)
  }
}
