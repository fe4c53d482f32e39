import type { FetchedBatch } from '../../broker/reader-session.ts'
import type { AcknowledgeRequest, AcquiredRange, ShareSession } from '../../broker/share-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Decoder } from '../consumer/consumed-record.ts'
import { FetchSize, FIRST_FETCH_BYTES } from '../fetch-size.ts'
import { SharedRecord } from './shared-record.ts'

const MAX_BYTES = 1024 * 1024

/**
 * The records of the acquired offsets. An offset at which readers see no record (a marker, an aborted transaction, a
 * gap) is acknowledged as `gap`, so that nobody gets it again. Deleted records need no acknowledgement, nor do those
 * whose lock has ended.
 */
export async function sharedRecords(
  session: ShareSession,
  range: AcquiredRange,
  decoder: Decoder,
  lockedUntil: number,
): Promise<readonly SharedRecord[]> {
  const { topic, partition, lastOffset } = range
  const source = { topic, partition, decoder, held: undefined, loan: undefined }
  const records: SharedRecord[] = []
  const { keptFrom, readUpTo, found } = await fetched(session, range)
  let offset = keptFrom
  for (const { batch, index } of found) {
    const next = batch.offsetOf(index)
    if (next > offset) await skip(session, range, offset, next - 1)
    records.push(new SharedRecord(batch, index, source, range, lockedUntil))
    offset = next + 1
  }
  if (offset < readUpTo) await skip(session, range, offset, Math.min(lastOffset, readUpTo - 1))
  return records
}

interface FoundRecord {
  readonly batch: FetchedBatch
  readonly index: number
}

interface Fetched {
  /** Records of the range below this offset are deleted. */
  readonly keptFrom: number
  /** The range was read up to this offset. There may be records above it, so these offsets stay locked. */
  readonly readUpTo: number
  /** In offset order. */
  readonly found: readonly FoundRecord[]
}

/** Reads the range. Throws the partition's error, if it has one. */
async function fetched(
  session: ShareSession,
  { topic, topicId, partition, firstOffset, lastOffset }: AcquiredRange,
): Promise<Fetched> {
  const found: FoundRecord[] = []
  let keptFrom = firstOffset
  let nextOffset = firstOffset
  // The locked record may be one of thousands in its batch.
  const sizes = new FetchSize(MAX_BYTES, FIRST_FETCH_BYTES)
  while (nextOffset <= lastOffset) {
    const positions = [{ topic, topicId, partition, nextOffset }]
    const request = { positions, isolationLevel: 'read_committed', maxBytes: sizes.next(), wait: false } as const
    const [part] = await session.fetch(request)
    // Somebody woke the fetch before the storage answered: the locked records must still be read.
    if (part === undefined) continue
    if (LogError.is(part.error, 'OFFSET_OUT_OF_RANGE') && part.logStartOffset > nextOffset) {
      keptFrom = part.logStartOffset
      nextOffset = part.logStartOffset
      found.length = 0
      continue
    }
    // Its locks are gone with the topic; a topic that has the name now is another.
    if (LogError.is(part.error, 'UNKNOWN_TOPIC_ID')) return { keptFrom, readUpTo: keptFrom, found: [] }
    if (part.error !== undefined) throw part.error
    found.push(...recordsBetween(part.batches, nextOffset, lastOffset))
    if (part.nextOffset <= nextOffset) break
    nextOffset = part.nextOffset
  }
  return { keptFrom, readUpTo: nextOffset, found }
}

function recordsBetween(batches: readonly FetchedBatch[], firstOffset: number, lastOffset: number): FoundRecord[] {
  const found: FoundRecord[] = []
  for (const batch of batches) {
    for (let index = 0; index < batch.recordCount; index++) {
      const offset = batch.offsetOf(index)
      if (offset >= firstOffset && offset <= lastOffset) found.push({ batch, index })
    }
  }
  return found
}

async function skip(
  session: ShareSession,
  range: AcquiredRange,
  firstOffset: number,
  lastOffset: number,
): Promise<void> {
  try {
    await acknowledgeRange(session, { ...range, firstOffset, lastOffset }, 'gap')
  } catch (error) {
    if (!LogError.is(error, 'INVALID_RECORD_STATE')) throw error
  }
}

/** A range as it was acquired, or a part of it. */
export function acknowledgeRange(
  session: ShareSession,
  { topic, topicId, partition, deliveryCount, beginning, firstOffset, lastOffset }: AcquiredRange,
  type: AcknowledgeRequest['type'],
  delayMs: number = 0,
): Promise<void> {
  const delivery = { topic, topicId, partition, deliveryCount, beginning, firstOffset, lastOffset }
  return session.acknowledge({ ...delivery, type, delayMs })
}
