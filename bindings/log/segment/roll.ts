/** Of the topic's config what decides about a roll. `rollJitterMs`: drawn once for a segment, 0..segment.jitter.ms. */
export interface RollConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
  readonly rollJitterMs: number
}

/** The batch that is about to be appended. */
export interface RollRequest {
  readonly sizeBytes: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  /** The log's clock: counts only where the segment's first batch has no timestamp. */
  readonly now: number
}

export interface RollState {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** Largest timestamp of the first batch; -1: it has none, or there is no batch. */
  readonly firstBatchTimestamp: number
  readonly createdAt: number
  readonly offsetEntries: number
  readonly timeEntries: number
}

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12
const RELATIVE_OFFSET_MAX = 0x7fff_ffff

/** Whether the batch goes to a new segment. Source: Kafka's LogSegment.shouldRoll (kafka.md 2.4). */
export function mustRoll(segment: RollState, batch: RollRequest, config: RollConfig): boolean {
  if (segment.sizeBytes > config.segmentBytes - batch.sizeBytes && segment.sizeBytes > 0) return true
  if (segment.sizeBytes > 0 && waitedMs(segment, batch) > config.segmentMs - config.rollJitterMs) return true
  if (batch.lastOffset - segment.baseOffset > RELATIVE_OFFSET_MAX) return true
  // The time index keeps one entry free, so that the one forced at the roll always fits.
  return (
    segment.offsetEntries >= Math.floor(config.segmentIndexBytes / OFFSET_ENTRY_BYTES) ||
    segment.timeEntries >= Math.floor(config.segmentIndexBytes / TIME_ENTRY_BYTES) - 1
  )
}

function waitedMs(segment: RollState, batch: RollRequest): number {
  return segment.firstBatchTimestamp >= 0
    ? batch.maxTimestamp - segment.firstBatchTimestamp
    : batch.now - segment.createdAt
}
