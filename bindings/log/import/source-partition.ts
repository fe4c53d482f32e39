import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import { letOthersRun, perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import { newHead, readHead, viewOf } from '../segment/batch-head.ts'
import { BatchWalk, type WalkFault } from '../segment/batch-walk.ts'
import type { ImportContext } from './import-context.ts'
import type { KafkaPartition } from './kafka-directory.ts'
import { parseKafkaSegmentFile } from './kafka-names.ts'
import type { LeftOut } from './left-out.ts'
import { holdsLegacyMessage } from './legacy-message.ts'
import { type SettledSegment, settleSegments } from './settle-segments.ts'
import { type SourceBatch, takeBatch, type Unusable, type Wanted } from './source-batch.ts'
import { hasWholeBatchAfter } from './whole-batch-after.ts'

/** Faults that a torn write may leave. With any other fault the bytes were written as they are. */
const TORN: readonly string[] = ['incomplete', 'bad-length', 'bad-magic', 'bad-crc', 'zero-filled']

type SourceFault = WalkFault | Unusable['fault'] | 'old-format' | 'too-large'

/** What is done with each batch; a task only where that takes time. */
type Take = (batch: SourceBatch) => Task<void> | undefined

/**
 * One partition of the source: the segments that count, and their batches in order, each whole by its CRC. After a kill
 * it ends where Kafka's own recovery cuts it: at the first batch that isn't whole, of the segment that holds the
 * recovery point or a later one; all later segments go with it (LogSegment.recover, LogLoader.recoverLog).
 */
export class SourcePartition {
  readonly place: KafkaPartition
  readonly segments: readonly SettledSegment[]
  readonly #context: ImportContext
  /** Files of batches that its directory had, whether they count or not. */
  readonly #names: ReadonlySet<string>
  /** Index of the first segment that Kafka would recover. */
  readonly #recoveredFrom: number
  #nextOffset: number
  #isCut = false

  constructor(
    context: ImportContext,
    place: KafkaPartition,
    segments: readonly SettledSegment[],
    names: readonly string[] = [],
  ) {
    this.place = place
    this.#names = new Set(names.filter(isOfBatches))
    this.segments = segments
    this.#context = context
    const holder = segments.findLastIndex(({ baseOffset }) => baseOffset <= place.recoveryPoint)
    this.#recoveredFrom = place.isClean ? segments.length : Math.max(0, holder)
    this.#nextOffset = segments[0]?.baseOffset ?? place.logStartOffset
  }

  static *open(context: ImportContext, place: KafkaPartition): Task<SourcePartition> {
    const names = yield* perform('list', place.directory, () => context.store.list(place.directory))
    const { topic, partition } = place
    const settled = yield* settleSegments(place.directory, names, (segment) => endOf(context, segment))
    context.leftOut.push(...settled.leftOut.map((each) => ({ ...each, topic, partition })))
    return new SourcePartition(context, place, settled.segments, names)
  }

  /** Kafka starts at the first segment where that begins above the checkpointed log start. */
  get logStartOffset(): number {
    return Math.max(this.place.logStartOffset, this.segments[0]?.baseOffset ?? 0)
  }

  /** The offset after the last batch that was read. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  /** Damage was met; all batches after it are left out. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** The sizes of the segments' files in bytes, in their order. */
  *sizes(): Task<readonly number[]> {
    const sizes: number[] = []
    for (const { file: path } of this.segments) {
      const file = yield* openFile(this.#context.store, path)
      sizes.push(file?.size() ?? 0)
      file?.close()
    }
    return sizes
  }

  /** A file that isn't as it was when it had these sizes, or that wasn't there. */
  *changedFile(sizes: readonly number[]): Task<string | undefined> {
    const now = yield* this.sizes()
    const changed = this.segments.find((_, index) => now[index] !== sizes[index])
    if (changed !== undefined) return changed.file
    const { directory } = this.place
    const names = yield* perform('list', directory, () => this.#context.store.list(directory))
    const further = names.find((name) => isOfBatches(name) && !this.#names.has(name))
    return further === undefined ? undefined : `${directory}/${further}`
  }

  /**
   * Reads the batches, with turns for others in between. CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT,
   * INTEGER_RANGE.
   */
  *batches(wanted: Wanted, take: Take): Task<void> {
    for (const [index, segment] of this.segments.entries()) {
      const file = yield* openFile(this.#context.store, segment.file)
      if (file === undefined) throw this.#unusable(segment.file, 0, 'incomplete')
      try {
        if (!(yield* this.#segment(file, index, wanted, take))) return
      } finally {
        file.close()
      }
    }
  }

  /** False if nothing after it is to be read. */
  *#segment(file: StoreFile, index: number, wanted: Wanted, take: Take): Task<boolean> {
    const { kernel, scratch, progressed } = this.#context
    const sizeBytes = file.size()
    const endOffset = this.segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    this.#nextOffset = Math.max(this.#nextOffset, this.segments[index]?.baseOffset ?? 0)
    for (let position = 0; position < sizeBytes; ) {
      const found: (SourceBatch | Unusable)[] = []
      const range = { from: position, to: sizeBytes, expectedOffset: this.#nextOffset, isCleaned: true }
      const walk = new BatchWalk({ kernel, scratch, maxBatchBytes: BATCH_BYTES_MAX }, file, range)
      walk.step((batch) => found.push(takeBatch(kernel, file.path, batch, wanted)))
      for (const batch of found) {
        if ('fault' in batch) return yield* this.#endsAt(index, file, position, batch.fault)
        // No CRC covers the offset: one above the next segment's isn't what was written.
        if (batch.nextOffset > endOffset) return yield* this.#endsAt(index, file, position, 'out-of-order')
        const taking = take(batch)
        if (taking !== undefined) yield* taking
        position = batch.position + batch.header.sizeBytes
        this.#nextOffset = batch.nextOffset
      }
      if (walk.fault !== undefined) return yield* this.#endsAt(index, file, position, walk.fault)
      progressed(walk.position - range.from)
      yield* letOthersRun()
    }
    return true
  }

  *#endsAt(index: number, file: StoreFile, position: number, found: SourceFault): Task<false> {
    const fault = yield* faultOf(found, file, position)
    const isTorn = index >= this.#recoveredFrom && TORN.includes(fault)
    if (!isTorn && !this.#context.leaveOutDamaged) throw this.#unusable(file.path, position, fault)
    this.#isCut = !isTorn
    const rest = this.segments.slice(index + 1)
    const place = { position, offset: this.#nextOffset }
    const isDamage = isTorn && (yield* hasWholeBatchAfter(this.#context, file, place, rest))
    const isLoss = !isTorn || isDamage
    const why = isTorn
      ? `no whole batch (${fault})${isDamage ? ', whole ones after it' : ''}: Kafka's recovery cuts it off here`
      : `${fault}: left out with all that follows in the partition`
    this.#leave({ file: file.path, ...place, bytes: file.size() - position, why, isLoss })
    for (const { file: path, baseOffset: offset } of rest)
      this.#leave({ file: path, position: 0, bytes: undefined, offset, why: 'it follows what was cut off', isLoss })
    return false
  }

  #leave({ file, position, offset, bytes, why, isLoss }: Omit<LeftOut, 'topic' | 'partition'>): void {
    const { topic, partition } = this.place
    this.#context.leftOut.push({ file, position, topic, partition, offset, bytes, why, isLoss })
  }

  #unusable(file: string, position: number, fault: SourceFault): LogError {
    const { topic, partition } = this.place
    const details = { topic, partition, offset: this.#nextOffset, file, position, fault }
    const where = `${topic}-${partition} at offset ${this.#nextOffset} (byte ${position} of ${file})`
    const howToImportRest = '--leave-out-damaged imports all but this and what follows it in the partition'
    switch (fault) {
      case 'old-format':
        return unsupported(`${where} is in a message format before Kafka 0.11; ${howToImportRest}`, details)
      case 'unknown-attributes':
      case 'unknown-control':
        return unsupported(`${where} uses what no Kafka up to 4.0 writes (${fault}); ${howToImportRest}`, details)
      case 'int64-range':
        return new LogError('INTEGER_RANGE', `${where} has a field beyond 2^53; ${howToImportRest}`, details)
      case 'producer-id-range':
        return new LogError('INTEGER_RANGE', `${where} has a producer id beyond 2^52; ${howToImportRest}`, details)
      case 'leader-epoch-range':
        return new LogError('INTEGER_RANGE', `${where} has a leader epoch beyond 2^30; ${howToImportRest}`, details)
      default:
        return new LogError('CORRUPT_MESSAGE', `${where} is damaged: ${fault}; ${howToImportRest}`, details)
    }
  }
}

function isOfBatches(name: string): boolean {
  return parseKafkaSegmentFile(name)?.isLog === true
}

function unsupported(message: string, details: Readonly<Record<string, unknown>>): LogError {
  return new LogError('UNSUPPORTED_FOR_MESSAGE_FORMAT', message, details)
}

/**
 * The walk alone would take two things for a torn write: messages in an old format, and a batch that is larger than any
 * may be.
 */
function* faultOf(found: SourceFault, file: StoreFile, position: number): Task<SourceFault> {
  if ((found === 'bad-magic' || found === 'bad-length') && (yield* holdsLegacyMessage(file, position)))
    return 'old-format'
  if (found !== 'bad-length') return found
  const bytes = new Uint8Array(BATCH_HEADER_BYTES)
  if (file.read(bytes, position) < bytes.length) return found
  const head = newHead()
  const isLong = readHead(viewOf(bytes), 0, head) && head.sizeBytes > BATCH_BYTES_MAX
  return isLong && head.sizeBytes <= file.size() - position ? 'too-large' : found
}

/** The offset after the last whole batch of a file that compaction left. */
function* endOf({ store, kernel, scratch }: ImportContext, { file: path, baseOffset }: SettledSegment): Task<number> {
  const file = yield* openFile(store, path)
  if (file === undefined) return baseOffset
  try {
    const range = { from: 0, to: file.size(), expectedOffset: baseOffset, isCleaned: true }
    const walk = new BatchWalk({ kernel, scratch, maxBatchBytes: BATCH_BYTES_MAX }, file, range)
    while (walk.step(() => {})) yield* letOthersRun()
    return walk.expectedOffset
  } finally {
    file.close()
  }
}
