import type { BatchHeader } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import { withFile } from '../../storage/open-file.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { ABORTED_ENTRY_BYTES, readAborted } from '../files/aborted-transaction.ts'
import { LEADER_EPOCH_CHECKPOINT, parseSegmentFileName, segmentFileName } from '../files/file-names.ts'
import { parseLeaderEpochs } from '../files/leader-epoch-checkpoint.ts'
import { decodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { readWhole } from '../files/small-file.ts'
import { viewOf } from '../segment/batch-head.ts'
import type { PartitionHistory } from './partition-history.ts'
import type { Damaged, VerifyContext } from './verify-context.ts'

interface Snapshot {
  readonly offset: number
  readonly path: string
  readonly producers: readonly StoredProducer[]
}

/**
 * Compares snapshots, leader epochs and aborted transactions with the batches, which it is given one by one. A missing
 * file is no damage: it is made again.
 */
export class DerivedFilesCheck {
  readonly #context: VerifyContext
  readonly #directory: string
  readonly #damaged: Damaged
  readonly #history: PartitionHistory
  /** Snapshots at offsets that no batch has reached yet, in offset order. */
  #snapshots: readonly Snapshot[] = []

  constructor(context: VerifyContext, directory: string, history: PartitionHistory, damaged: Damaged) {
    this.#history = history
    this.#context = context
    this.#directory = directory
    this.#damaged = damaged
  }

  /** To be called before the first batch. `names`: of the partition's files, sorted. */
  *readSnapshots(names: readonly string[]): Task<void> {
    const snapshots: Snapshot[] = []
    for (const name of names) {
      const parsed = parseSegmentFileName(name)
      if (parsed?.suffix !== 'snapshot') continue
      const path = `${this.#directory}/${name}`
      const bytes = yield* this.#bytesOf(path)
      const decode = () => decodeProducerSnapshot(this.#context.kernel, bytes ?? new Uint8Array(0), path)
      const producers = this.#attempt(path, decode)
      if (producers !== undefined) snapshots.push({ offset: parsed.offset, path, producers })
    }
    this.#snapshots = snapshots
  }

  take(header: Readonly<BatchHeader>, bytes: Uint8Array): void {
    this.#compareSnapshots(header.baseOffset)
    this.#history.take(header, bytes)
  }

  #compareSnapshots(upTo: number): void {
    if ((this.#snapshots[0]?.offset ?? Number.POSITIVE_INFINITY) > upTo) return
    const due = this.#snapshots.filter(({ offset }) => offset <= upTo)
    this.#snapshots = this.#snapshots.slice(due.length)
    for (const snapshot of due) {
      const wrong = this.#history.contradicts(snapshot.producers)
      if (wrong === undefined) continue
      this.#damaged(snapshot.path, 0, snapshot.offset, `producer ${wrong.producerId} differs from the batches`)
    }
  }

  /** Called after the last batch of a segment: compares the entries that the checkpoint noted. */
  *segmentEnded({ baseOffset, abortedIndex }: CheckpointSegment): Task<void> {
    const path = `${this.#directory}/${segmentFileName(baseOffset, 'txnindex')}`
    const bytes = yield* this.#bytesOf(path)
    const sizeBytes = Math.min(bytes?.length ?? 0, abortedIndex.entryCount * ABORTED_ENTRY_BYTES)
    if (bytes === undefined) return
    for (let at = 0; at + ABORTED_ENTRY_BYTES <= sizeBytes; at += ABORTED_ENTRY_BYTES) {
      const entry = this.#attempt(path, () => readAborted(viewOf(bytes), at, path))
      if (entry === undefined) return
      const told = this.#history.aborted.get(entry.lastOffset)
      // If a transaction began where batches may be gone, the batches don't tell where it began.
      if (Math.min(entry.firstOffset, entry.lastStableOffset) < this.#history.wholeFrom) continue
      const isTrue = told?.producerId === entry.producerId && told.firstOffset === entry.firstOffset
      if (isTrue && told.lastStableOffset === entry.lastStableOffset) continue
      this.#damaged(path, at, entry.lastOffset, 'entry differs from the abort markers')
      return
    }
    const incomplete = sizeBytes % ABORTED_ENTRY_BYTES
    if (incomplete !== 0) this.#damaged(path, sizeBytes - incomplete, undefined, 'incomplete index entry')
  }

  /** Called after the last batch of the partition. */
  *ended(): Task<void> {
    this.#compareSnapshots(Number.POSITIVE_INFINITY)
    const path = `${this.#directory}/${LEADER_EPOCH_CHECKPOINT}`
    const bytes = yield* this.#bytesOf(path)
    if (bytes === undefined) return
    const entries = this.#attempt(path, () => parseLeaderEpochs(bytes, path))
    const wrong = entries && this.#history.contradictsEpochs(entries)
    if (wrong === undefined) return
    this.#damaged(path, 0, wrong.startOffset, `epoch ${wrong.epoch} differs from the batches`)
  }

  #bytesOf(path: string): Task<Uint8Array | undefined> {
    return withFile(this.#context.store, path, (file) => readWhole(file))
  }

  #attempt<T>(path: string, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!LogError.is(error, 'CORRUPT_LOG')) throw error
      const { position } = error.details
      this.#damaged(path, typeof position === 'number' ? position : 0, undefined, error.message)
      return undefined
    }
  }
}
