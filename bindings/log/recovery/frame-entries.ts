import { INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { JournalScan, LocatedEntry } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'

/** What the frames since the checkpoint say, of each partition in the order of its offsets. */
export class FrameEntries {
  readonly #byPartition = new Map<string, LocatedEntry[]>()
  #producerIdsEnd: number

  constructor(frames: JournalScan['frames'], producerIdsEnd: number) {
    this.#producerIdsEnd = producerIdsEnd
    for (const found of frames) {
      // Within a frame extents come last, though a segment that was rolled after one may be in the frame itself:
      // offsets tell which came first.
      const entries = found.entries.toSorted((a, b) => offsetOf(a) - offsetOf(b))
      for (const entry of entries) {
        if (entry.kind === 'producerIds') this.#producerIdsEnd = Math.max(this.#producerIdsEnd, entry.end)
        else this.#add(partitionKey(entry.topicId, entry.partition), entry)
      }
    }
  }

  /** Above every producer id that the checkpoint or a frame reserved. */
  get producerIdsEnd(): number {
    return this.#producerIdsEnd
  }

  has(key: string): boolean {
    return this.#byPartition.has(key)
  }

  of(key: string): readonly LocatedEntry[] {
    return this.#byPartition.get(key) ?? []
  }

  #add(key: string, entry: LocatedEntry): void {
    const entries = this.#byPartition.get(key)
    if (entries === undefined) this.#byPartition.set(key, [entry])
    else entries.push(entry)
  }

  /** How many entries are batches of topics that were deleted since: they are skipped (rule 6c). */
  countDead(live: ReadonlyMap<string, unknown>): number {
    const own = Object.values(INTERNAL_TOPIC_IDS)
    let count = 0
    for (const entry of [...this.#byPartition.values()].flat()) {
      if (!('topicId' in entry) || entry.kind === 'ceiling') continue
      if (own.includes(entry.topicId) || live.has(entry.topicId)) continue
      recoveryMarks.hit('dead-topic-skipped')
      count++
    }
    return count
  }
}

/** Entries without an offset, those of ceilings and producer ids, come first. */
function offsetOf(entry: LocatedEntry): number {
  return 'baseOffset' in entry ? entry.baseOffset : -1
}
