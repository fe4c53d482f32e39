import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { StoredRange } from '../../storage/partition-store.ts'

export interface RetentionMoment {
  /** Milliseconds since 1970; `undefined`: no clock that may be trusted, so nothing goes by its time. */
  readonly now: number | undefined
  readonly logStartOffset: number
  /** What isn't decided or visible yet stays, and all behind it. */
  readonly limitOffset: number
}

export interface Kept {
  /** At or above the present one. */
  readonly logStartOffset: number
  /** The range that appends go to goes too, so the next append has to begin another one. */
  readonly takesActive: boolean
}

type RetentionConfig = Pick<ParsedTopicConfig, 'retentionMs' | 'retentionBytes'>

/**
 * Which ranges of a partition go, from the oldest on up to the first that doesn't: by size as long as no less than
 * `retention.bytes` stays, by time when the newest record is older than `retention.ms`. Source: Kafka's
 * UnifiedLog.deleteOldSegments (kafka.md 2.5).
 */
export function keptFrom(ranges: readonly StoredRange[], config: RetentionConfig, at: RetentionMoment): Kept {
  // The active one goes by the same rules when a deletion left nothing in it: nobody else removes it.
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
 * Of its newest record. Records without a time were appended before those that follow: they go by the time of these. Never by
 * that of the file, which a copy changes (docs/decisions/017-retention.md).
 */
function timeOf(ranges: readonly StoredRange[], index: number): number {
  const dated = ranges.slice(index).find(({ maxTimestamp }) => maxTimestamp >= 0)
  return dated?.maxTimestamp ?? Number.POSITIVE_INFINITY
}
