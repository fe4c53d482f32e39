import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { StoredRange } from '../../storage/partition-store.ts'

export interface RetentionMoment {
  /** Milliseconds since 1970; `undefined` if the clock can't be trusted, and then nothing is removed by its age. */
  readonly now: number | undefined
  readonly logStartOffset: number
  /** Records from here on aren't decided or visible yet, so they stay. */
  readonly limitOffset: number
}

export interface DueLogStart {
  /** The log start that the rules ask for: the present one or a later one. */
  readonly logStartOffset: number
  /** The active range is removed too, so the next append has to begin another one. */
  readonly takesActive: boolean
}

type RetentionConfig = Pick<ParsedTopicConfig, 'retentionMs' | 'retentionBytes'>

/**
 * Which ranges of a partition are removed, from the oldest one on up to the first that stays: by size as long as no
 * less than `retention.bytes` stays, by time when the newest record is older than `retention.ms`. Source: Kafka's
 * UnifiedLog.deleteOldSegments (kafka.md 2.5).
 */
export function keptFrom(ranges: readonly StoredRange[], config: RetentionConfig, at: RetentionMoment): DueLogStart {
  // The active range goes by the same rules if deleteRecords left nothing in it: nobody else would remove it.
  const active = ranges.at(-1)
  const kept = ranges.filter(
    (range) => range.nextOffset > at.logStartOffset || (range === active && range.sizeBytes > 0),
  )
  const mayGo = (range: StoredRange) => range.sizeBytes > 0 && range.nextOffset <= at.limitOffset
  let count = 0
  if (config.retentionBytes >= 0) {
    let excessBytes = kept.reduce((total, { sizeBytes }) => total + sizeBytes, 0) - config.retentionBytes
    for (const range of kept) {
      if (excessBytes < range.sizeBytes || !mayGo(range)) break
      excessBytes -= range.sizeBytes
      count++
    }
  }
  if (config.retentionMs >= 0 && at.now !== undefined) {
    const before = at.now - config.retentionMs
    for (const [index, range] of kept.entries()) {
      if (index < count) continue
      if (!mayGo(range) || timeOf(kept, index) >= before) break
      count++
    }
  }
  const next = kept[count]
  const end = next?.baseOffset ?? kept[count - 1]?.nextOffset ?? 0
  const logStartOffset = count === 0 ? at.logStartOffset : Math.max(at.logStartOffset, end)
  return { logStartOffset, takesActive: count > 0 && next === undefined }
}

/**
 * Timestamp of the range's newest record. Records without one were appended before those that follow, and go by their
 * time. The time of the file isn't used, since copying changes it (docs/decisions/017-retention.md).
 */
function timeOf(ranges: readonly StoredRange[], index: number): number {
  const dated = ranges.slice(index).find(({ maxTimestamp }) => maxTimestamp >= 0)
  return dated?.maxTimestamp ?? Number.POSITIVE_INFINITY
}
