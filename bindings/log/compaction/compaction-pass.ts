import type { Kernel, KeyedRecords } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { AbortedTransaction, CompactableSegment, PartitionStore } from '../../storage/partition-store.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { BatchBytes, plainRecords } from './batch-bytes.ts'
import { type ActiveProducer, BatchCleaner } from './batch-cleaner.ts'
import { BatchParts } from './batch-parts.ts'
import { streamBatches } from './batch-stream.ts'
import { DecidedTransactions } from './decided-transactions.ts'
import { bytesOf, type DirtyPart, type GroupLimits, groupsOf } from './dirty-part.ts'
import { HASH_WORDS, OffsetMap } from './offset-map.ts'
import { type KeysOf, keysOfRecord } from './record-keys.ts'

/** Kafka's greatest segment: index entries have positions of 31 bits. */
const SEGMENT_BYTES_MAX = 0x7fff_ffff

export interface PassInput {
  readonly kernel: Kernel
  readonly store: Pick<PartitionStore, 'read' | 'prepareRead' | 'abortedBetween' | 'rewrite' | 'cleaned'>
  readonly id: PartitionIdentity
  readonly dirty: DirtyPart
  /** Records below it are removed already. */
  readonly logStartOffset: number
  readonly limits: GroupLimits
  readonly deleteRetentionMs: number
  /** For a topic whose records' own keys don't tell what replaces them. */
  readonly keysOf?: KeysOf | undefined
  readonly mapBytes: number
  /** Most that a rewritten segment may take, whatever `segment.bytes` says by now. */
  readonly segmentBytesMax?: number
  readonly now: number
  /** What goes by its age goes by this time: `now`, or an earlier one where the clock was put ahead. */
  readonly trustedNow: number
  /** The producers as of the end of the part that the pass works on, or later. */
  readonly producers: () => Iterable<StoredProducer>
  /**
   * Batches that end at or before this offset have been rewritten: nobody may read the old ones from memory any more.
   */
  readonly rewritten: (nextOffset: number) => void
}

/** The outcome of a pass. */
export interface PassResult {
  readonly cleanedOffset: number
  readonly readBytes: number
  readonly writtenBytes: number
}

/**
 * One pass over one partition: first it learns the last offset of each key in the dirty part, as far as its memory
 * goes; then it rewrites the segments, from the first one on, without the records that a newer one replaces (kafka.md
 * 2.8). `undefined` if retention or a delete of the topic changed the partition meanwhile, or its file was closed for
 * others: the next pass begins anew. The pass may be left between any two yields, by `return`.
 */
export function* compact(input: PassInput): Task<PassResult | undefined> {
  const { store, id, dirty } = input
  const endOffset = dirty.segments.at(-1)?.nextOffset ?? dirty.fromOffset
  const aborted = yield* abortedIn(input, dirty.segments[0]?.baseOffset ?? 0, endOffset)
  if (aborted === undefined) return undefined
  const map = new OffsetMap(input.kernel, mapBytes(input))
  const mapEnd = yield* fillMap(input, map, aborted, endOffset)
  if (mapEnd === undefined) return undefined
  const cleaner = new BatchCleaner({
    at: id,
    kernel: input.kernel,
    map,
    mapEnd,
    keysOf: input.keysOf,
    transactions: new DecidedTransactions(aborted),
    producers: activeProducers(input.producers()),
    now: input.now,
    deleteRetentionMs: input.deleteRetentionMs,
    trustedNow: input.trustedNow,
  })
  let readBytes = 0
  let writtenBytes = 0
  for (const group of groupsOf(
    dirty.segments.filter(({ baseOffset }) => baseOffset < mapEnd),
    input.limits,
  )) {
    const written = yield* rewriteGroup(input, group, cleaner)
    if (written === undefined) return undefined
    readBytes += bytesOf(group)
    writtenBytes += written
  }
  yield* store.cleaned(id, mapEnd)
  return { cleanedOffset: mapEnd, readBytes, writtenBytes }
}

/** A record takes at least seven bytes, so a small dirty part needs no large map. */
function mapBytes({ mapBytes, dirty }: PassInput): number {
  return Math.min(mapBytes, bytesOf(dirty.segments) * 4)
}

function* abortedIn(
  { store, id }: PassInput,
  from: number,
  to: number,
): Task<readonly AbortedTransaction[] | undefined> {
  const found = store.abortedBetween(id, from, to)
  if (found !== undefined) return found
  yield* store.prepareRead(id, from, to)
  return store.abortedBetween(id, from, to)
}

/** Returns the offset below which every key is in the map; `undefined` if not all of them could be read. */
function* fillMap(
  input: PassInput,
  map: OffsetMap,
  aborted: readonly AbortedTransaction[],
  endOffset: number,
): Task<number | undefined> {
  const transactions = new DecidedTransactions(aborted)
  const fromOffset = Math.max(input.dirty.fromOffset, input.logStartOffset)
  let mapEnd = endOffset
  let readOffset = fromOffset
  yield* streamBatches(input, fromOffset, endOffset, function* (batch) {
    readOffset = batch.lastOffset + 1
    if (batch.isControl) return true
    const records = transactions.isAborted(batch) ? undefined : plainRecords(input.id, batch, input.kernel.codecs)
    if (records === undefined) return true
    const parts = new BatchParts(input.kernel, input.id, batch, records)
    for (let keyed = parts.next(); keyed !== undefined; keyed = parts.next()) {
      mapEnd = putAll(input.keysOf, map, batch.baseOffset, records, keyed, fromOffset) ?? endOffset
      if (mapEnd < endOffset) return false
      if (map.isTight) yield* map.grow()
      if (!keyed.isLast) yield* letOthersRun()
    }
    return true
  })
  return readOffset < mapEnd ? undefined : mapEnd
}

/** Returns the first offset for which the map has no room. */
function putAll(
  keysOf: KeysOf | undefined,
  map: OffsetMap,
  baseOffset: number,
  records: Uint8Array,
  keyed: KeyedRecords,
  fromOffset: number,
): number | undefined {
  for (let index = 0; index < keyed.count; index++) {
    const offset = baseOffset + keyed.offsetDeltaOf(index)
    if (keyed.keyLengthOf(index) < 0 || offset < fromOffset) continue
    if (map.room === 0) return offset
    if (keysOf === undefined) map.putHashed(keyed.hashes, index * HASH_WORDS, offset)
    else putKeyOf(keysOf, map, records, keyed, index, offset)
  }
  return undefined
}

/** A record without such a key replaces nothing. */
function putKeyOf(
  keysOf: KeysOf,
  map: OffsetMap,
  records: Uint8Array,
  keyed: KeyedRecords,
  index: number,
  offset: number,
): void {
  const keys = keysOfRecord(keysOf, records, keyed, index)
  if (keys !== undefined) map.put(keys.key, offset)
}

function activeProducers(producers: Iterable<StoredProducer>): ReadonlyMap<number, ActiveProducer> {
  const active = new Map<number, ActiveProducer>()
  for (const { producerId, producerEpoch, batches } of producers) {
    active.set(producerId, { producerEpoch, lastDataOffset: batches.at(-1)?.lastOffset ?? -1 })
  }
  return active
}

/**
 * Returns how many bytes stay; `undefined` if the segments are gone. A delete horizon makes records longer by some
 * bytes: once there is no more room for that, tombstones get theirs from a later pass.
 */
function* rewriteGroup(
  input: PassInput,
  group: readonly CompactableSegment[],
  cleaner: BatchCleaner,
): Task<number | undefined> {
  const baseOffset = group[0]?.baseOffset ?? 0
  const nextOffset = group.at(-1)?.nextOffset ?? 0
  const rewrite = yield* input.store.rewrite(input.id, baseOffset, nextOffset)
  let spareBytes = (input.segmentBytesMax ?? SEGMENT_BYTES_MAX) - bytesOf(group)
  let keptBytes = 0
  let hasChanged = group.length > 1
  let endOffset = baseOffset
  const take = function* (batch: BatchBytes): Task<boolean> {
    endOffset = batch.lastOffset + 1
    const bytesMax = Math.min(batch.bytes.length + spareBytes, BATCH_BYTES_MAX)
    const bytes = yield* cleaner.clean(batch, endOffset === nextOffset, bytesMax)
    hasChanged ||= bytes !== batch.bytes
    spareBytes += batch.bytes.length - (bytes?.length ?? 0)
    if (spareBytes < 0) throw tooLarge(input.id, batch.baseOffset)
    if (bytes === undefined) return true
    const { maxTimestamp } = new BatchBytes(bytes)
    rewrite.append({ bytes, baseOffset: batch.baseOffset, nextOffset: endOffset, maxTimestamp })
    keptBytes += bytes.length
    return true
  }
  let isDone = false
  try {
    yield* streamBatches(input, baseOffset, nextOffset, take)
    isDone = hasChanged && endOffset === nextOffset && (yield* rewrite.exchange())
    if (isDone) input.rewritten(nextOffset)
  } finally {
    if (!isDone) yield* rewrite.abandon()
  }
  if (endOffset !== nextOffset || (hasChanged && !isDone)) return undefined
  return keptBytes
}

/** Batches that other clients compressed better may take more once records are taken out of them. */
function tooLarge({ topic, partition }: PartitionIdentity, offset: number): LogError {
  const message = `${topic}-${partition} can't be compacted: its segment would have more than 2 GiB from offset ${offset} on`
  return new LogError('RECORD_LIST_TOO_LARGE', message, { topic, partition, offset })
}
